#include "agent/agent/answers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/agent/agent.h"

void agent_answer_vm(const struct agent_vm *vm, struct agent_rep_vm *out)
{
	*out = (struct agent_rep_vm){.type = AGENT_REP_VM,
				     .state = vm->state,
				     .end = vm->end,
				     .detail = vm->detail,
				     .started_ns = vm->started_ns,
				     .events = vm->history.refused,
				     .policy_serial = vm->applied_serial};
	memcpy(out->id, vm->id, sizeof(out->id));
	memcpy(out->task, vm->task_id, sizeof(out->task));
	memcpy(out->image, vm->image, sizeof(out->image));
	(void)snprintf(out->program, sizeof(out->program), "%.255s", vm->program);
}

void agent_answer_status(struct agent *agent, uid_t uid, struct agent_rep_status *out)
{
	const struct agent_policies *policies = &agent->policies;
	struct agent_spool_stats stats;

	agent_spool_stat(agent->spool, &stats);
	*out = (struct agent_rep_status){.type = AGENT_REP_STATUS,
					 .enrolled = agent_identity_is_enrolled(&agent->identity),
					 .connected = agent->uplink.connected,
					 .isolation = agent->isolation,
					 .running = (uint32_t)agent_vms_running(&agent->vms, uid),
					 .shells =
						 (uint32_t)agent_shells_count(&agent->shells, true),
					 .queue_events = stats.events,
					 .queue_oldest_ns = stats.oldest_ns};
	if (policies->policy) {
		out->policy_serial = policies->serial;
		out->policy_applied_ns = policies->applied_ns;
		memcpy(out->policy_digest, policies->digest, sizeof(out->policy_digest));
		memcpy(out->policy_id, policies->id, sizeof(out->policy_id));
	}
	(void)snprintf(out->isolation_text, sizeof(out->isolation_text), "%s",
		       agent->isolation ? "" : agent->no_isolation.text);
	(void)snprintf(out->jail_text, sizeof(out->jail_text), "%s", agent->jail_text);
	memcpy(out->device_id, agent->identity.device_id, sizeof(out->device_id));
	memcpy(out->group, agent->identity.group, sizeof(out->group));
	(void)snprintf(out->server, sizeof(out->server), "%s", agent->identity.server);
	(void)snprintf(out->link_text, sizeof(out->link_text), "%s", agent->uplink.text);
}

/* How much of an image's files is here. */
static void sum_files(const struct agent *agent, const struct manifest *m,
		      struct agent_rep_image *out)
{
	for (int i = 0; i < MANIFEST_FILES; i++) {
		uint64_t bytes = m->files[i].bytes;
		uint64_t part = agent_images_inbox_bytes(&agent->images, m->files[i].digest);

		out->total_bytes += bytes;
		if (agent_images_has_file(&agent->images, m->files[i].digest, bytes))
			out->have_bytes += bytes;
		else
			out->have_bytes += part < bytes ? part : bytes;
	}
}

void agent_answer_image(const struct agent *agent, const char *name, struct agent_rep_image *out)
{
	struct manifest m;
	struct err err = {0};

	*out = (struct agent_rep_image){.type = AGENT_REP_IMAGE};
	(void)snprintf(out->name, sizeof(out->name), "%s", name);
	int r = agent_images_load(&agent->images, &agent->identity, name, false, &m, &err);

	if (r == 0) {
		sum_files(agent, &m, out);
		out->version = m.version;
		out->ready = out->have_bytes == out->total_bytes;
	} else if (agent_images_load(&agent->images, &agent->identity, name, true, &m, NULL) == 0) {
		sum_files(agent, &m, out);
		out->version = m.version;
	} else if (r != -ENOENT) {
		(void)snprintf(out->text, sizeof(out->text), "%s", err.text);
	}
	if (!out->ready && !out->text[0])
		(void)snprintf(out->text, sizeof(out->text), "%s",
			       agent_downloads_text(&agent->downloads, name));
}

void agent_answer_template(const struct agent_template *one, struct agent_rep_template *out)
{
	uint64_t now = agent_now_ms();
	struct stat st;

	*out = (struct agent_rep_template){.type = AGENT_REP_TEMPLATE,
					   .state = one->state,
					   .cpus = one->cpus,
					   .failures = one->failures,
					   .memory_bytes = one->memory_bytes,
					   .version = one->manifest.version};
	if (one->memory_fd >= 0 && fstat(one->memory_fd, &st) == 0)
		out->used_bytes = (uint64_t)st.st_blocks * 512;
	memcpy(out->image, one->manifest.name, sizeof(out->image));
	if (one->state == AGENT_TEMPLATE_FAILED)
		(void)snprintf(out->text, sizeof(out->text), "%s; next try in %" PRIu64 " s",
			       one->text, one->retry_ms > now ? (one->retry_ms - now) / 1000 : 0);
}

void agent_answer_event(const struct mv_event *event, struct agent_rep_event *out)
{
	*out = (struct agent_rep_event){.type = AGENT_REP_EVENT,
					.class = event->class,
					.op = event->op,
					.verdict = event->verdict,
					.audit = event->audit,
					.severity = event->severity,
					.exit_reason = event->exit_reason,
					.wall_clock_ns = event->wall_clock_ns,
					.guest_rip = event->guest_rip,
					.count = event->count,
					.dropped = event->dropped,
					.serial = event->serial,
					.object_bytes = event->object_bytes};
	memcpy(out->policy_id, event->policy_id, sizeof(out->policy_id));
	memcpy(out->rule, event->rule, sizeof(out->rule));
	memcpy(out->object, event->object, event->object_bytes);
}
