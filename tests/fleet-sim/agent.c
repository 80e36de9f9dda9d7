#include "tests/fleet-sim/agent.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "agent/link/convert.h"
#include "agent/link/enroll.h"
#include "common/log.h"
#include "proto/frame.h"

uint64_t sim_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int sim_agent_init(struct sim_agent *a, struct sim_shared *shared, unsigned number,
		   const char *store)
{
	a->shared = shared;
	a->number = number;
	(void)snprintf(a->folder, sizeof(a->folder), "%s/%u", store, number);
	if (mkdir(a->folder, 0700) < 0)
		return -errno;
	(void)snprintf(a->policies.path, sizeof(a->policies.path), "%s/policy.envelope", a->folder);
	(void)snprintf(a->identity.server, sizeof(a->identity.server), "%s", shared->token->server);
	agent_identity_pin(&a->identity, shared->token);
	a->phase_ms = number * 7919U; /* a prime spreads them over any interval */
	return getrandom(a->stream, sizeof(a->stream), 0) == sizeof(a->stream) ? 0 : -EIO;
}

void sim_agent_release(struct sim_agent *a)
{
	agent_channel_close(&a->channel);
	agent_policies_release(&a->policies);
}

void sim_agent_go_down(struct sim_agent *a)
{
	uint32_t random = 0;

	if (atomic_load(&a->state) == SIM_UP)
		atomic_fetch_sub(&a->shared->up, 1);
	agent_channel_close(&a->channel); /* which leaves the epoll */
	(void)!getrandom(&random, sizeof(random), 0);
	a->due_ms = sim_now_ms() + agent_backoff_next(&a->backoff, random);
	a->in_flight = 0;
	atomic_store(&a->state, SIM_DOWN);
}

static int send_frame(struct sim_agent *a, Ampoule__Frame__KindCase kind, void *message)
{
	Ampoule__Frame frame;

	ampoule__frame__init(&frame);
	frame.kind_case = kind;
	frame.hello = message; /* one member of the union is as good as another */
	return agent_channel_send(&a->channel, &frame);
}

static int enrol(struct sim_agent *a, struct err *err)
{
	struct agent_link_config config = {.mode = AGENT_LINK_ENROLL};
	struct agent_link_up up;

	memcpy(config.ca, a->identity.ca, sizeof(config.ca));
	memcpy(config.secret, a->shared->token->secret, sizeof(config.secret));
	(void)snprintf(config.server, sizeof(config.server), "%s", a->identity.server);
	int r = agent_link_enroll(&config, &up, err);

	explicit_bzero(config.secret, sizeof(config.secret));
	if (r < 0)
		return r;
	(void)snprintf(a->identity.device_id, sizeof(a->identity.device_id), "%s", up.device_id);
	(void)snprintf(a->identity.group, sizeof(a->identity.group), "%s", up.group);
	(void)snprintf(a->policies.device, sizeof(a->policies.device), "%s", up.device_id);
	atomic_fetch_add(&a->shared->enrolled, 1);
	return 0;
}

static int say_hello(struct sim_agent *a)
{
	Ampoule__Hello hello;
	char version[] = "sim", hostname[32];

	(void)snprintf(hostname, sizeof(hostname), "sim-%u", a->number);
	ampoule__hello__init(&hello);
	hello.protocol = 1;
	hello.version = version;
	hello.hostname = hostname;
	hello.event_stream = (ProtobufCBinaryData){sizeof(a->stream), a->stream};
	hello.isolation = true;
	hello.counter = a->identity.counter;
	if (a->policies.policy) {
		hello.applied_policy = a->policies.id;
		hello.applied_serial = a->policies.serial;
		hello.applied_digest =
			(ProtobufCBinaryData){sizeof(a->policies.digest), a->policies.digest};
	}
	return send_frame(a, AMPOULE__FRAME__KIND_HELLO, &hello);
}

void sim_agent_connect(struct sim_agent *a)
{
	const struct agent_tls_config tls = {.server = a->identity.server,
					     .ca = a->identity.ca,
					     .alpn = AGENT_ALPN_CHANNEL,
					     .with_certificate = true};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = a};
	struct err err = {0};
	int r = agent_identity_is_enrolled(&a->identity) ? 0 : enrol(a, &err);

	if (r == 0)
		r = agent_channel_open(&a->channel, &tls, &err);
	if (r == 0)
		r = say_hello(a);
	if (r == 0) {
		a->due_ms = sim_now_ms() + SIM_ANSWER_MS;
		atomic_store(&a->state, SIM_HELLO);
		r = epoll_ctl(a->shared->epoll, EPOLL_CTL_ADD, agent_tls_fd(a->channel.tls),
			      &event) < 0
			    ? -errno
			    : 0;
	}
	if (r == 0)
		return; /* the loop's from here on */
	log_debug("agent %u: %s", a->number, err.text[0] ? err.text : strerror(-r));
	atomic_fetch_add(&a->shared->failed, 1);
	sim_agent_go_down(a);
}

static int on_welcome(struct sim_agent *a, const Ampoule__Frame *frame)
{
	const Ampoule__Welcome *welcome = frame->welcome;
	uint64_t now = sim_now_ms();
	unsigned keepalive_s = atomic_load(&a->shared->keepalive_s);

	if (atomic_load(&a->state) != SIM_HELLO ||
	    strcmp(welcome->device_id, a->identity.device_id) != 0)
		return -EPROTO;
	a->identity.counter = welcome->counter;
	if (welcome->acked_sequence > a->acked) {
		atomic_fetch_add(&a->shared->acked, welcome->acked_sequence - a->acked);
		a->acked = welcome->acked_sequence;
	}
	a->ping_ms = now + (keepalive_s ? keepalive_s : welcome->keepalive_s) * 1000ULL;
	agent_backoff_reset(&a->backoff);
	atomic_store(&a->up_ms, now);
	atomic_store(&a->state, SIM_UP);
	atomic_fetch_add(&a->shared->up, 1);
	if (a->behaviour == SIM_SLOW)
		(void)epoll_ctl(a->shared->epoll, EPOLL_CTL_DEL, agent_tls_fd(a->channel.tls),
				NULL);
	return 0;
}

static int on_announce(struct sim_agent *a, const Ampoule__Frame *frame)
{
	Ampoule__PolicyFetch fetch;

	ampoule__policy_fetch__init(&fetch);
	fetch.serial = frame->policy_announce->serial;
	return send_frame(a, AMPOULE__FRAME__KIND_POLICY_FETCH, &fetch);
}

static int report(struct sim_agent *a, uint64_t serial, Ampoule__PolicyState__Phase phase,
		  const uint8_t digest[DIGEST_BYTES], char *reason)
{
	Ampoule__PolicyState state;
	uint8_t copy[DIGEST_BYTES];

	memcpy(copy, digest, sizeof(copy));
	ampoule__policy_state__init(&state);
	state.serial = serial;
	state.phase = phase;
	state.digest = (ProtobufCBinaryData){sizeof(copy), copy};
	state.reason = reason;
	return send_frame(a, AMPOULE__FRAME__KIND_POLICY_STATE, &state);
}

/* As an endpoint with one micro-VM running: its table is compiled anew. */
static int compile(struct sim_agent *a)
{
	cleanup_buf struct buf table = {0};
	struct policy_request request = {.user = "user1",
					 .home = "/home/user1",
					 .file_count = 1,
					 .files = {"/home/user1/report.pdf"},
					 .program = "/usr/bin/mutool"};

	agent_policies_facts(&a->policies, &request);
	return policy_compile(a->policies.policy, 0, &request, a->policies.serial, &table);
}

static int on_body(struct sim_agent *a, const Ampoule__Frame *frame)
{
	const ProtobufCBinaryData *envelope = &frame->policy_body->envelope;
	uint64_t serial = frame->policy_body->serial;
	uint8_t digest[DIGEST_BYTES] = {0};
	char none[] = "";
	struct err err = {0};
	struct timespec from, until;

	if (a->behaviour == SIM_STUCK)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &from);
	int r = digest_bytes(envelope->data, envelope->len, digest);

	if (r == 0)
		r = report(a, serial, AMPOULE__POLICY_STATE__PHASE__RECEIVED, digest, none);
	if (r < 0)
		return r;
	r = agent_policies_accept(&a->policies, &a->identity, envelope->data, envelope->len,
				  (uint64_t)time(NULL), &err);
	if (r >= 0)
		r = compile(a);
	clock_gettime(CLOCK_MONOTONIC, &until);
	atomic_fetch_add(&a->shared->verify_us,
			 (unsigned long long)((until.tv_sec - from.tv_sec) * 1000000 +
					      (until.tv_nsec - from.tv_nsec) / 1000));
	if (r < 0)
		return report(a, serial, AMPOULE__POLICY_STATE__PHASE__FAILED, digest, err.text);
	r = report(a, serial, AMPOULE__POLICY_STATE__PHASE__APPLIED, digest, none);
	atomic_store(&a->applied_at_ms, wall_ms());
	atomic_store(&a->applied, serial);
	return r;
}

static int on_event_ack(struct sim_agent *a, const Ampoule__Frame *frame)
{
	const Ampoule__EventAck *ack = frame->event_ack;

	if (ack->stream.len != sizeof(a->stream) ||
	    memcmp(ack->stream.data, a->stream, sizeof(a->stream)) != 0 ||
	    ack->sequence > a->in_flight || ack->sequence < a->acked)
		return -EPROTO;
	atomic_fetch_add(&a->shared->acked, ack->sequence - a->acked);
	a->acked = ack->sequence;
	if (a->acked == a->in_flight)
		a->in_flight = 0;
	return 0;
}

static int on_refusal(struct sim_agent *a, const Ampoule__Frame *frame)
{
	char code[64];

	atomic_fetch_add(&a->shared->refused, 1);
	log_debug("agent %u: refused: %s", a->number,
		  log_quote(code, sizeof(code), frame->refusal->code,
			    strlen(frame->refusal->code)));
	return -EACCES;
}

static const struct {
	Ampoule__Frame__KindCase kind;
	int (*handle)(struct sim_agent *a, const Ampoule__Frame *frame);
} frames[] = {
	{AMPOULE__FRAME__KIND_WELCOME, on_welcome},
	{AMPOULE__FRAME__KIND_POLICY_ANNOUNCE, on_announce},
	{AMPOULE__FRAME__KIND_POLICY_BODY, on_body},
	{AMPOULE__FRAME__KIND_EVENT_ACK, on_event_ack},
	{AMPOULE__FRAME__KIND_REFUSAL, on_refusal},
};

static int on_frame(struct sim_agent *a, const Ampoule__Frame *frame)
{
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		if (frames[i].kind == frame->kind_case)
			return frames[i].handle(a, frame);
	}
	return 0;
}

void sim_agent_on_ready(struct sim_agent *a)
{
	int filled, r = 0;

	do {
		filled = agent_channel_fill(&a->channel);
		for (;;) {
			Ampoule__Frame *frame = NULL;

			r = agent_channel_next(&a->channel, &frame);
			if (r <= 0)
				break;
			r = on_frame(a, frame);
			wire_free(&frame->base);
			if (r < 0)
				break;
		}
	} while (filled == 1 && r >= 0);
	if (r < 0 || filled < 0)
		sim_agent_go_down(a);
	else if (a->channel.in.len == 0)
		buf_release(&a->channel.in); /* ten thousand of them share one machine */
}

uint64_t sim_agent_made(const struct sim_agent *a, uint64_t now_ms)
{
	const struct sim_shared *s = a->shared;
	uint64_t from = atomic_load(&s->events_ms), until = atomic_load(&s->events_until);
	uint64_t every = atomic_load(&s->every_ms);

	if (!from || !every)
		return a->base;
	uint64_t at = now_ms < until ? now_ms : until, first = from + a->phase_ms % every;

	return a->base + (at < first ? 0 : ((at - first) / every + 1) * atomic_load(&s->burst));
}

static void make_event(struct agent_event *e, const struct sim_agent *a, uint64_t sequence)
{
	int n = snprintf(e->object, sizeof(e->object), "/home/user1/.ssh/id_%u_%u", a->number,
			 (unsigned)(sequence % 50));

	e->sequence = sequence;
	e->wall_clock_ns = wall_ms() * 1000000;
	e->guest_rip = 0xffffffff81000000 + sequence;
	e->count = 1;
	e->serial = a->policies.serial;
	e->exit_reason = 6; /* KVM_EXIT_MMIO */
	e->class = MV_CLASS_FILE;
	e->op = MV_OP_OPEN;
	e->verdict = MV_DENY;
	e->severity = MV_HIGH;
	e->object_bytes = (uint32_t)n;
	(void)snprintf(e->vm, sizeof(e->vm), "vm-%u", (unsigned)(sequence / 20));
	(void)snprintf(e->task, sizeof(e->task), "pdf");
	(void)snprintf(e->user, sizeof(e->user), "user1");
	memcpy(e->policy_id, a->policies.id, sizeof(e->policy_id));
	(void)snprintf(e->rule, sizeof(e->rule), "no-keys");
	(void)snprintf(e->image, sizeof(e->image), "debian-docs");
	(void)snprintf(e->program, sizeof(e->program), "/usr/bin/mutool");
}

/* One batch is under way at a time, as the agent has it. The loop is one thread, so is the array. */
static int send_events(struct sim_agent *a, uint64_t now_ms)
{
	static struct agent_event events[SIM_BATCH];
	uint64_t n = sim_agent_made(a, now_ms);

	if (a->in_flight || n <= a->acked || a->behaviour == SIM_SLOW)
		return 0;
	n -= a->acked;
	if (n > SIM_BATCH)
		n = SIM_BATCH;
	for (uint64_t i = 0; i < n; i++)
		make_event(&events[i], a, a->acked + 1 + i);
	a->in_flight = a->acked + n;
	return agent_convert_send(&a->channel, a->stream, events, n);
}

static int send_ping(struct sim_agent *a, uint64_t now_ms)
{
	Ampoule__Ping ping;
	unsigned keepalive_s = atomic_load(&a->shared->keepalive_s);

	a->ping_ms = now_ms + (keepalive_s ? keepalive_s : 270) * 1000ULL;
	ampoule__ping__init(&ping);
	ping.nonce = now_ms;
	return send_frame(a, AMPOULE__FRAME__KIND_PING, &ping);
}

void sim_agent_on_time(struct sim_agent *a, uint64_t now_ms)
{
	int r = 0;

	switch (atomic_load(&a->state)) {
	case SIM_HELLO:
		r = now_ms >= a->due_ms ? -ETIMEDOUT : 0;
		break;
	case SIM_UP:
		r = send_events(a, now_ms);
		if (r == 0 && now_ms >= a->ping_ms)
			r = send_ping(a, now_ms);
		break;
	case SIM_DOWN:
	case SIM_QUEUED:
		break;
	}
	if (r < 0)
		sim_agent_go_down(a);
}
