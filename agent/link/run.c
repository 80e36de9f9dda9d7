#include "agent/link/run.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "agent/link/backoff.h"
#include "agent/link/channel.h"
#include "agent/link/convert.h"
#include "agent/link/fetch.h"
#include "agent/link/host.h"
#include "agent/link/key.h"
#include "agent/sealed.h"
#include "common/digest.h"
#include "common/fd.h"
#include "common/log.h"
#include "proto/frame.h"

enum {
	PROTOCOL = 1,
	KEEPALIVE_S = 270,
	ASK_EVERY =
		4, /* of so many pings one wants an answer; TCP notices a dead server at any of them */
	ANSWER_MS = 30000, /* to Hello and to a ping */
	FAR_MS = 3600 * 1000
};

#define VERSION "0.1"

struct run {
	struct agent_link_config config; /* counter and applied policy as they rise */
	struct agent_channel channel;
	struct agent_fetch fetch;
	struct agent_backoff backoff;
	bool up;    /* Welcome was received */
	bool again; /* bytes wait in the channel */
	uint64_t keepalive_ms;
	uint32_t health_s;  /* 0: the server takes no Health */
	uint64_t try_ms;    /* of the next try to connect */
	uint64_t answer_ms; /* until when something must be heard; 0: nothing awaited */
	uint64_t ping_ms;   /* of the next ping */
	unsigned pings;     /* since the Welcome */
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int tell(const void *message, size_t n, int fd)
{
	return fd_send(AGENT_LINK_FD, message, n, &fd, fd >= 0 ? 1 : 0);
}

/* Ends the channel, tells the agent why, and plans the next try. */
static int go_down(struct run *run, const char *text)
{
	struct agent_link_msg msg = {.type = AGENT_LINK_DOWN};
	uint32_t random = 0;

	agent_channel_close(&run->channel);
	agent_fetch_close(&run->fetch);
	run->up = false;
	run->again = false;
	run->answer_ms = 0;
	(void)!getrandom(&random, sizeof(random), 0); /* without it the wait is 0, once */
	run->try_ms = now_ms() + agent_backoff_next(&run->backoff, random);
	(void)snprintf(msg.text, sizeof(msg.text), "%.255s", text);
	return tell(&msg, sizeof(msg), -1);
}

static int send_frame(struct run *run, const Ampoule__Frame *frame)
{
	int r = agent_channel_send(&run->channel, frame);

	if (r == 0) {
		run->ping_ms = now_ms() + run->keepalive_ms;
		return 0;
	}
	return go_down(run, "the connection broke while sending");
}

static int send_hello(struct run *run)
{
	struct agent_link_config *config = &run->config;
	char hostname[AGENT_HOSTNAME_MAX];
	char version[] = VERSION;
	Ampoule__Hello hello;
	Ampoule__Frame frame;

	agent_host_name(hostname);
	ampoule__hello__init(&hello);
	ampoule__frame__init(&frame);
	hello.protocol = PROTOCOL;
	hello.version = version;
	hello.hostname = hostname;
	hello.event_stream.data = config->event_stream;
	hello.event_stream.len = sizeof(config->event_stream);
	hello.isolation = config->isolation;
	hello.counter = config->counter;
	if (config->applied_serial) {
		hello.applied_policy = config->applied_policy;
		hello.applied_serial = config->applied_serial;
		hello.applied_digest.data = config->applied_digest;
		hello.applied_digest.len = sizeof(config->applied_digest);
	}
	frame.kind_case = AMPOULE__FRAME__KIND_HELLO;
	frame.hello = &hello;
	return send_frame(run, &frame);
}

/* Asks for another certificate for the same key. */
static int send_renew(struct run *run)
{
	cleanup_buf struct buf csr = {0};
	Ampoule__Renew message;
	Ampoule__Frame frame;
	struct err err = {0};

	if (agent_key_request(&csr, &err) < 0) {
		log_warn("link: certificate not renewed, ignoring: %s", err.text);
		return 0;
	}
	ampoule__renew__init(&message);
	ampoule__frame__init(&frame);
	message.csr_der.data = csr.data;
	message.csr_der.len = csr.len;
	frame.kind_case = AMPOULE__FRAME__KIND_RENEW;
	frame.renew = &message;
	return send_frame(run, &frame);
}

/* Half of the certificate's life is over. Looked at with each welcome and ping: a connection may last longer
 * than a certificate. */
static int renew(struct run *run)
{
	return agent_key_is_half_over() ? send_renew(run) : 0;
}

static int connect_channel(struct run *run)
{
	const struct agent_tls_config tls = {.server = run->config.server,
					     .ca = run->config.ca,
					     .alpn = AGENT_ALPN_CHANNEL,
					     .with_certificate = true};
	struct err err = {0};

	if (agent_channel_open(&run->channel, &tls, &err) < 0)
		return go_down(run, err.text);
	run->answer_ms = now_ms() + ANSWER_MS;
	/* With a certificate that has ended the server lets us do nothing else. */
	return agent_key_is_over() ? send_renew(run) : send_hello(run);
}

static int on_welcome(struct run *run, const Ampoule__Frame *frame)
{
	const Ampoule__Welcome *welcome = frame->welcome;
	struct agent_link_up up = {.type = AGENT_LINK_UP,
				   .keepalive_s = welcome->keepalive_s,
				   .health_s = welcome->health_s,
				   .counter = welcome->counter,
				   .acked_sequence = welcome->acked_sequence};

	if (run->up ||
	    snprintf(up.device_id, sizeof(up.device_id), "%s", welcome->device_id) >=
		    (int)sizeof(up.device_id) ||
	    snprintf(up.group, sizeof(up.group), "%s", welcome->group) >= (int)sizeof(up.group))
		return go_down(run, "the server's welcome makes no sense");
	run->up = true;
	run->config.counter = welcome->counter;
	run->health_s = welcome->health_s;
	if (welcome->keepalive_s >= 10 && welcome->keepalive_s <= 3600)
		run->keepalive_ms = (uint64_t)welcome->keepalive_s * 1000;
	run->ping_ms = now_ms() + run->keepalive_ms;
	run->pings = 0;
	agent_backoff_reset(&run->backoff);
	int r = tell(&up, sizeof(up), -1);

	return r < 0 ? r : renew(run);
}

static int on_announce(struct run *run, const Ampoule__Frame *frame)
{
	Ampoule__PolicyFetch fetch;
	Ampoule__Frame reply;

	ampoule__policy_fetch__init(&fetch);
	ampoule__frame__init(&reply);
	fetch.serial = frame->policy_announce->serial;
	reply.kind_case = AMPOULE__FRAME__KIND_POLICY_FETCH;
	reply.policy_fetch = &fetch;
	return send_frame(run, &reply);
}

static int on_policy_body(struct run *run, const Ampoule__Frame *frame)
{
	const ProtobufCBinaryData *envelope = &frame->policy_body->envelope;
	struct agent_link_policy msg = {.type = AGENT_LINK_POLICY,
					.serial = frame->policy_body->serial};
	cleanup_fd int fd = fd_sealed("envelope", envelope->data, envelope->len);

	if (fd < 0 || digest_bytes(envelope->data, envelope->len, msg.digest) < 0)
		return go_down(run, "no memory for a policy");
	return tell(&msg, sizeof(msg), fd);
}

static int on_event_ack(struct run *run, const Ampoule__Frame *frame)
{
	const Ampoule__EventAck *ack = frame->event_ack;
	struct agent_link_msg msg = {.type = AGENT_LINK_EVENT_ACK, .number = ack->sequence};

	if (ack->stream.len != sizeof(run->config.event_stream))
		return go_down(run, "the server acknowledged no stream");
	memcpy(msg.digest, ack->stream.data, ack->stream.len);
	return tell(&msg, sizeof(msg), -1);
}

static int on_renew_reply(struct run *run, const Ampoule__Frame *frame)
{
	const ProtobufCBinaryData *der = &frame->renew_reply->certificate_der;
	struct err err = {0};

	int r = agent_key_store_certificate(der->data, der->len, &err);

	if (r < 0)
		log_warn("link: certificate not renewed, ignoring: %s", err.text);
	else
		log_info("link: certificate renewed");
	if (run->up)
		return 0;
	agent_backoff_reset(&run->backoff);
	return go_down(run, r < 0 ? err.text : "connecting with a renewed certificate");
}

static int on_refusal(struct run *run, const Ampoule__Frame *frame)
{
	char quoted[160];
	char text[200];

	(void)snprintf(text, sizeof(text), "the server refused: %s",
		       log_quote(quoted, sizeof(quoted), frame->refusal->text,
				 strlen(frame->refusal->text)));
	return go_down(run, text);
}

static int on_ping(struct run *run, const Ampoule__Frame *frame)
{
	Ampoule__Pong pong;
	Ampoule__Frame reply;

	ampoule__pong__init(&pong);
	ampoule__frame__init(&reply);
	pong.nonce = frame->ping->nonce;
	reply.kind_case = AMPOULE__FRAME__KIND_PONG;
	reply.pong = &pong;
	return send_frame(run, &reply);
}

/* What the server may say, and whether only after its Welcome. Anything else is left alone: a newer
 * server may know more. */
static const struct {
	Ampoule__Frame__KindCase kind;
	bool after_welcome;
	int (*handle)(struct run *run, const Ampoule__Frame *frame);
} frames[] = {
	{AMPOULE__FRAME__KIND_WELCOME, false, on_welcome},
	{AMPOULE__FRAME__KIND_REFUSAL, false, on_refusal},
	{AMPOULE__FRAME__KIND_PING, false, on_ping},
	{AMPOULE__FRAME__KIND_POLICY_ANNOUNCE, true, on_announce},
	{AMPOULE__FRAME__KIND_POLICY_BODY, true, on_policy_body},
	{AMPOULE__FRAME__KIND_EVENT_ACK, true, on_event_ack},
	{AMPOULE__FRAME__KIND_RENEW_REPLY, false, on_renew_reply},
};

static int on_frame(struct run *run, const Ampoule__Frame *frame)
{
	run->answer_ms = 0;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		if (frames[i].kind != frame->kind_case)
			continue;
		if (frames[i].after_welcome && !run->up)
			return go_down(run, "the server spoke before its welcome");
		return frames[i].handle(run, frame);
	}
	return 0;
}

static int on_channel(struct run *run)
{
	int filled = agent_channel_fill(&run->channel);

	run->again = filled == 1;
	while (run->channel.tls) {
		Ampoule__Frame *frame = NULL;
		int r = agent_channel_next(&run->channel, &frame);

		if (r < 0)
			return go_down(run, "the server sent a damaged frame");
		if (r == 0)
			break;
		r = on_frame(run, frame);
		wire_free(&frame->base);
		if (r < 0)
			return r;
	}
	if (filled < 0 && run->channel.tls)
		return go_down(run, filled == -EPIPE ? "the server closed the connection"
						     : "the connection broke");
	return 0;
}

static int on_policy_state(struct run *run, const struct agent_link_policy *state)
{
	static const Ampoule__PolicyState__Phase phases[] = {
		[AGENT_POLICY_RECEIVED] = AMPOULE__POLICY_STATE__PHASE__RECEIVED,
		[AGENT_POLICY_APPLIED] = AMPOULE__POLICY_STATE__PHASE__APPLIED,
		[AGENT_POLICY_FAILED] = AMPOULE__POLICY_STATE__PHASE__FAILED,
	};
	Ampoule__PolicyState message;
	Ampoule__Frame frame;
	char reason[AGENT_LINK_TEXT_MAX];
	uint8_t digest[sizeof(state->digest)];

	if (state->phase == AGENT_POLICY_APPLIED) {
		run->config.applied_serial = state->serial;
		memcpy(run->config.applied_digest, state->digest, sizeof(state->digest));
	}
	if (!run->up || state->phase < AGENT_POLICY_RECEIVED || state->phase > AGENT_POLICY_FAILED)
		return 0;
	/* The reason may quote the document: only text that the wire takes. */
	log_quote(reason, sizeof(reason), state->text, strnlen(state->text, sizeof(state->text)));
	memcpy(digest, state->digest, sizeof(digest));
	ampoule__policy_state__init(&message);
	ampoule__frame__init(&frame);
	message.serial = state->serial;
	message.digest.data = digest;
	message.digest.len = sizeof(digest);
	message.phase = phases[state->phase];
	message.reason = reason;
	frame.kind_case = AMPOULE__FRAME__KIND_POLICY_STATE;
	frame.policy_state = &message;
	return send_frame(run, &frame);
}

static int on_health(struct run *run, const struct agent_link_health *health)
{
	if (!run->up || !run->health_s)
		return 0; /* the agent tells again at the next welcome */
	int r = agent_convert_health(&run->channel, health, VERSION);

	run->ping_ms = now_ms() + run->keepalive_ms;
	return r < 0 ? go_down(run, "the connection broke while sending") : 0;
}

static int on_events(struct run *run, const struct agent_link_msg *msg, int fd)
{
	cleanup_buf struct buf bytes = {0};
	static const size_t max = AGENT_LINK_EVENTS_MAX * sizeof(struct agent_event);
	int r = agent_sealed_read(fd, max, &bytes);

	if (r < 0 || bytes.len != msg->value * sizeof(struct agent_event) || msg->value == 0)
		return -EBADMSG;
	if (!run->up)
		return 0; /* the agent sends them again at the next welcome */
	/* buf's memory comes from malloc and is aligned for any struct. */
	r = agent_convert_send(&run->channel, msg->digest, (struct agent_event *)(void *)bytes.data,
			       msg->value);
	if (r == -EBADMSG || r == -ENOMEM)
		return r;
	run->ping_ms = now_ms() + run->keepalive_ms;
	return r < 0 ? go_down(run, "the connection broke while sending events") : 0;
}

static int on_wish(struct run *run, struct agent_link_msg *msg)
{
	msg->name[sizeof(msg->name) - 1] = '\0';
	if (!run->up)
		return 0; /* as above */
	return agent_fetch_start(&run->fetch, AGENT_LINK_FD, msg, now_ms());
}

/* One message of the agent. The agent is root and trusted; a malformed one is a bug, and ends us. */
static int on_agent(struct run *run)
{
	union agent_link_any in;
	int fd = -1;
	size_t nfds = 1;
	ssize_t n = fd_recv(AGENT_LINK_FD, &in, sizeof(in), &fd, &nfds);
	int r = -EBADMSG;

	if (n <= 0)
		return n == 0 ? -ESHUTDOWN : (int)n;
	if (in.type == AGENT_LINK_POLICY_STATE && n == sizeof(in.policy))
		r = on_policy_state(run, &in.policy);
	else if (in.type == AGENT_LINK_HEALTH && n == sizeof(in.health))
		r = on_health(run, &in.health);
	else if (in.type == AGENT_LINK_EVENTS && n == sizeof(in.msg) && nfds == 1)
		r = on_events(run, &in.msg, fd);
	else if ((in.type == AGENT_LINK_MANIFEST_FETCH || in.type == AGENT_LINK_BLOB_FETCH) &&
		 n == sizeof(in.msg))
		r = on_wish(run, &in.msg);
	if (nfds)
		close(fd);
	return r;
}

/* What time alone brings: a try to connect, a ping, the end of patience. */
static int on_time(struct run *run, uint64_t now)
{
	Ampoule__Ping ping;
	Ampoule__Frame frame;

	if (!run->channel.tls)
		return now >= run->try_ms ? connect_channel(run) : 0;
	if (run->answer_ms && now >= run->answer_ms)
		return go_down(run, "the server does not answer");
	if (run->fetch.under_way && now - run->fetch.heard_ms > AGENT_FETCH_SILENCE_S * 1000)
		return go_down(run, "a download came to a standstill");
	if (!run->up || now < run->ping_ms)
		return 0;
	ampoule__ping__init(&ping);
	ampoule__frame__init(&frame);
	if (++run->pings % ASK_EVERY == 0) {
		ping.nonce = run->pings;
		run->answer_ms = now + ANSWER_MS;
	}
	frame.kind_case = AMPOULE__FRAME__KIND_PING;
	frame.ping = &ping;
	int r = send_frame(run, &frame);

	return r < 0 || !run->up ? r : renew(run);
}

static int wait_ms(const struct run *run, uint64_t now)
{
	uint64_t next = now + FAR_MS;

	if (run->again || run->fetch.again)
		return 0;
	if (!run->channel.tls)
		next = run->try_ms;
	else if (run->up)
		next = run->ping_ms;
	if (run->answer_ms && run->answer_ms < next)
		next = run->answer_ms;
	if (run->fetch.under_way && next > now + 5000)
		next = now + 5000;
	return next <= now ? 0 : (int)(next - now);
}

/* One round: wait, then let each side have its turn. */
static int step(struct run *run)
{
	struct pollfd fds[] = {
		{.fd = AGENT_LINK_FD, .events = POLLIN},
		{.fd = run->channel.tls ? agent_tls_fd(run->channel.tls) : -1, .events = POLLIN},
		{.fd = run->fetch.channel.tls ? agent_tls_fd(run->fetch.channel.tls) : -1,
		 .events = POLLIN},
	};
	int r = poll(fds, 3, wait_ms(run, now_ms()));

	if (r < 0 && errno != EINTR)
		return -errno;
	r = fds[0].revents ? on_agent(run) : 0;
	if (r == 0 && run->channel.tls && (fds[1].revents || run->again))
		r = on_channel(run);
	if (r == 0 && run->fetch.channel.tls && (fds[2].revents || run->fetch.again))
		r = agent_fetch_step(&run->fetch, AGENT_LINK_FD, now_ms());
	return r < 0 ? r : on_time(run, now_ms());
}

int agent_link_run(const struct agent_link_config *config)
{
	struct run run = {.config = *config, .keepalive_ms = KEEPALIVE_S * 1000};
	int r = 0;

	run.fetch.config = &run.config;
	while (r == 0)
		r = step(&run);
	agent_channel_close(&run.channel);
	agent_fetch_close(&run.fetch);
	return r == -ESHUTDOWN || r == -EPIPE ? 0 : r;
}
