#include "agent/link/convert.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "agent/words.h"
#include "common/digest.h"
#include "common/log.h"
#include "common/policy/words.h"

/* protobuf-c's structs have char * without const and do not write through it. */
static char *text(const char *constant)
{
	char *out;

	memcpy(&out, &constant, sizeof(out));
	return out;
}

static bool has_end(const char *field, size_t n)
{
	return memchr(field, '\0', n) != NULL;
}

static bool is_sound(const struct agent_event *e)
{
	return e->object_bytes <= sizeof(e->object) && has_end(e->vm, sizeof(e->vm)) &&
	       has_end(e->task, sizeof(e->task)) && has_end(e->user, sizeof(e->user)) &&
	       has_end(e->policy_id, sizeof(e->policy_id)) && has_end(e->rule, sizeof(e->rule)) &&
	       has_end(e->image, sizeof(e->image)) && has_end(e->program, sizeof(e->program)) &&
	       words_class(e->class) && words_verdict(e->verdict);
}

/* Borrows from the record. */
static int fill(Ampoule__Event *out, struct agent_event *e)
{
	const char *op = words_op(e->op);
	const char *severity = words_severity(e->severity);

	if (!is_sound(e))
		return -EBADMSG;
	ampoule__event__init(out);
	out->sequence = e->sequence;
	out->wall_clock_ns = e->wall_clock_ns;
	out->vm = e->vm;
	out->task = e->task;
	out->user = e->user;
	out->class_ = text(words_class(e->class));
	out->operation = text(op ? op : "");
	out->object.data = (uint8_t *)e->object;
	out->object.len = e->object_bytes;
	out->verdict = text(words_verdict(e->verdict));
	out->audit = e->audit;
	out->severity = text(severity ? severity : "");
	out->policy_id = e->policy_id;
	out->serial = e->serial;
	out->rule = e->rule;
	out->exit_reason = text(agent_exit_word(e->exit_reason));
	out->guest_rip = e->guest_rip;
	out->count = e->count;
	out->dropped = e->dropped;
	out->image = e->image;
	out->program = e->program;
	return 0;
}

int agent_convert_send(struct agent_channel *channel, const uint8_t stream[16],
		       struct agent_event *records, size_t n)
{
	cleanup_free Ampoule__Event *events = calloc(n, sizeof(*events));
	cleanup_free Ampoule__Event **list = calloc(n, sizeof(*list));
	uint8_t id[16];
	Ampoule__EventBatch batch;
	Ampoule__Frame frame;

	if (!events || !list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int r = fill(&events[i], &records[i]);

		if (r < 0)
			return r;
		list[i] = &events[i];
	}
	memcpy(id, stream, sizeof(id));
	ampoule__event_batch__init(&batch);
	ampoule__frame__init(&frame);
	batch.stream.data = id;
	batch.stream.len = sizeof(id);
	batch.n_events = n;
	batch.events = list;
	frame.kind_case = AMPOULE__FRAME__KIND_EVENT_BATCH;
	frame.event_batch = &batch;
	return agent_channel_send(channel, &frame);
}

/* The reason may quote a device's name: only text that the wire takes. */
int agent_convert_health(struct agent_channel *channel, const struct agent_link_health *health,
			 const char *version)
{
	char reason[AGENT_LINK_TEXT_MAX], microvm[DIGEST_HEX + 16], hex[DIGEST_HEX];
	struct timespec now;
	struct utsname host;
	Ampoule__Health message;
	Ampoule__Frame frame;

	if (uname(&host) < 0)
		return -errno;
	log_quote(reason, sizeof(reason), health->isolation_reason,
		  strnlen(health->isolation_reason, sizeof(health->isolation_reason)));
	digest_hex(health->microvm, hex);
	(void)snprintf(microvm, sizeof(microvm), "%.8s %.16s", version, hex);
	clock_gettime(CLOCK_REALTIME, &now);
	ampoule__health__init(&message);
	ampoule__frame__init(&frame);
	message.link_version = text(version);
	message.microvisor = microvm;
	message.kernel = host.release;
	message.isolation = health->isolation != 0;
	message.isolation_reason = reason;
	message.images = health->images;
	message.images_ready = health->images_ready;
	message.templates = health->templates;
	message.templates_ready = health->templates_ready;
	message.running = health->running;
	message.backlog = health->backlog;
	message.backlog_since_ns = health->backlog_since_ns;
	message.wall_clock_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	frame.kind_case = AMPOULE__FRAME__KIND_HEALTH;
	frame.health = &message;
	return agent_channel_send(channel, &frame);
}
