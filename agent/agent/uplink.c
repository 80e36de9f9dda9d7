#include "agent/agent/uplink.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "agent/agent/agent.h"
#include "agent/agent/spawn.h"
#include "agent/sealed.h"
#include "common/fd.h"
#include "common/log.h"

enum {
	BACKOFF_FIRST_MS = 250,
	BACKOFF_MAX_MS = 60000,
	SEND_BYTES = 1 << 20
};

static void start(struct agent_uplink *uplink);

/* Opens the link's own folder, made for its uid. */
static int open_folder(const struct agent_options *options, struct err *err)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/link", options->state_dir); /* AGENT_FOLDER_MAX */
	int r = agent_make_folder(path, 0700, err);

	if (r < 0)
		return r;
	cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fchown(fd, options->link_uid, options->link_gid) < 0)
		return err_set(err, -errno, "cannot prepare %s: %m", path);
	return take_fd(fd);
}

int agent_uplink_spawn(const struct agent_options *options, const struct agent_link_config *config,
		       pid_t *ret_pid, struct err *err)
{
	static const int bytes = SEND_BYTES;
	cleanup_fd int own = -1;
	cleanup_fd int folder = open_folder(options, err);

	if (folder < 0)
		return folder;
	const struct agent_spawn spawn = {.folder = options->bin_dir,
					  .name = "ampoule-link",
					  .fd_count = 1,
					  .fds = {folder},
					  .uid = options->link_uid,
					  .gid = options->link_gid};
	int r = agent_spawn_connected(&spawn, ret_pid, &own, err);

	if (r < 0)
		return r;
	(void)setsockopt(own, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)); /* a wish */
	r = fd_send(own, config, sizeof(*config), NULL, 0);
	if (r < 0) {
		log_warn("link: it did not take its configuration: %s", strerror(-r));
		return err_set(err, r, "ampoule-link does not start");
	}
	return take_fd(own);
}

static void on_restart(void *context)
{
	start(context);
}

/* Ends what is left of the link and starts another one after a while. */
static void fall_back(struct agent_uplink *uplink, const char *why)
{
	agent_watch_stop(&uplink->watch);
	agent_child_kill(&uplink->child);
	if (uplink->fd > 0)
		close(uplink->fd);
	uplink->fd = -1;
	uplink->connected = false;
	uplink->in_flight = 0;
	agent_downloads_pause(&uplink->agent->downloads);
	agent_health_stop(&uplink->agent->health);
	(void)snprintf(uplink->text, sizeof(uplink->text), "%.255s", why);
	uplink->backoff_ms = uplink->backoff_ms ? uplink->backoff_ms * 2 : BACKOFF_FIRST_MS;
	if (uplink->backoff_ms > BACKOFF_MAX_MS)
		uplink->backoff_ms = BACKOFF_MAX_MS;
	log_warn("link: %s, starting it again in %" PRIu64 " ms", why, uplink->backoff_ms);
	agent_timer_start(&uplink->restart, &uplink->agent->loop, uplink->backoff_ms, on_restart,
			  uplink);
}

static void on_link_exit(void *context, int status)
{
	char why[64];

	(void)snprintf(why, sizeof(why), "ampoule-link ended with status %d", status);
	fall_back(context, why);
}

int agent_uplink_send(struct agent_uplink *uplink, const void *message, size_t n, const int *fds,
		      size_t nfds)
{
	if (uplink->fd <= 0)
		return -ENOTCONN;
	int r = fd_send(uplink->fd, message, n, fds, nfds);

	if (r < 0)
		fall_back(uplink, "ampoule-link does not take messages");
	return r;
}

static void on_up(struct agent_uplink *uplink, const struct agent_link_up *up)
{
	struct agent *agent = uplink->agent;
	const struct agent_policies *policies = &agent->policies;
	struct err err = {0};

	if (!memchr(up->device_id, '\0', sizeof(up->device_id)) ||
	    strcmp(up->device_id, agent->identity.device_id) != 0) {
		fall_back(uplink, "the server takes this endpoint for another one");
		return;
	}
	uplink->connected = true;
	uplink->backoff_ms = 0;
	uplink->text[0] = '\0';
	uplink->in_flight = 0;
	agent->identity.counter = up->counter;
	if (agent_identity_save(agent->options.state_dir, &agent->identity, &err) < 0)
		log_error("identity: %s", err.text);
	if (agent_spool_ack(agent->spool, up->acked_sequence) < 0)
		log_error("spool: cannot delete what the server has");
	log_info("link: connected server=%s", agent->identity.server);
	if (policies->policy && !agent->applying)
		agent_uplink_policy_state(uplink, AGENT_POLICY_APPLIED, policies->serial,
					  policies->digest, "");
	agent_downloads_restart(&agent->downloads, agent);
	agent_uplink_send_events(uplink);
	agent_health_start(&agent->health, agent, up->health_s);
}

static void on_down(struct agent_uplink *uplink, const struct agent_link_msg *msg)
{
	if (uplink->connected || strncmp(uplink->text, msg->text, sizeof(uplink->text) - 1) != 0)
		log_warn("link: not connected: %s", msg->text);
	uplink->connected = false;
	uplink->in_flight = 0;
	(void)snprintf(uplink->text, sizeof(uplink->text), "%s", msg->text);
	agent_downloads_pause(&uplink->agent->downloads);
	agent_health_stop(&uplink->agent->health);
}

static void on_policy(struct agent_uplink *uplink, const struct agent_link_policy *policy, int fd)
{
	cleanup_buf struct buf envelope = {0};
	struct err err = {0};
	int r = agent_sealed_read(fd, AGENT_ENVELOPE_MAX, &envelope);

	if (r < 0)
		err_set(&err, r, "the policy did not come whole: %s", strerror(-r));
	else
		r = agent_apply_policy(uplink->agent, envelope.data, envelope.len, &err);
	if (r >= 0)
		return;
	log_error("policy: refused serial=%" PRIu64 ": %s", policy->serial, err.text);
	agent_uplink_policy_state(uplink, AGENT_POLICY_FAILED, policy->serial, policy->digest,
				  err.text);
}

static void on_ack(struct agent_uplink *uplink, const struct agent_link_msg *msg)
{
	struct agent_spool *spool = uplink->agent->spool;

	if (memcmp(msg->digest, agent_spool_stream(spool), AGENT_STREAM_BYTES) != 0 ||
	    !uplink->in_flight || msg->number > uplink->in_flight)
		return; /* of a stream or a batch that is not under way */
	if (agent_spool_ack(spool, msg->number) < 0)
		log_error("spool: cannot delete what the server has");
	if (msg->number == uplink->in_flight) {
		uplink->in_flight = 0;
		agent_uplink_send_events(uplink);
	}
}

static void on_msg(struct agent_uplink *uplink, const struct agent_link_msg *msg, const int *fds)
{
	struct agent_downloads *downloads = &uplink->agent->downloads;

	switch (msg->type) {
	case AGENT_LINK_DOWN:
		on_down(uplink, msg);
		break;
	case AGENT_LINK_EVENT_ACK:
		on_ack(uplink, msg);
		break;
	case AGENT_LINK_MANIFEST:
		agent_downloads_manifest(downloads, msg, fds[0], fds[1]);
		break;
	case AGENT_LINK_BLOB:
		agent_downloads_blob(downloads, msg, fds[0]);
		break;
	default:
		agent_downloads_failed(downloads, msg);
	}
}

/* The size and the descriptors that each message of the link must have. */
static const struct {
	size_t bytes;
	size_t nfds;
} expected[] = {
	[AGENT_LINK_UP] = {sizeof(struct agent_link_up), 0},
	[AGENT_LINK_DOWN] = {sizeof(struct agent_link_msg), 0},
	[AGENT_LINK_POLICY] = {sizeof(struct agent_link_policy), 1},
	[AGENT_LINK_EVENT_ACK] = {sizeof(struct agent_link_msg), 0},
	[AGENT_LINK_MANIFEST] = {sizeof(struct agent_link_msg), 2},
	[AGENT_LINK_BLOB] = {sizeof(struct agent_link_msg), 1},
	[AGENT_LINK_FETCH_FAILED] = {sizeof(struct agent_link_msg), 0},
};

static bool is_sound(const union agent_link_any *in, size_t n, size_t nfds)
{
	if (n < sizeof(in->type) || in->type >= sizeof(expected) / sizeof(expected[0]))
		return false;
	if (expected[in->type].bytes == 0 || n != expected[in->type].bytes ||
	    nfds != expected[in->type].nfds)
		return false;
	if (n != sizeof(struct agent_link_msg))
		return true;
	return memchr(in->msg.name, '\0', sizeof(in->msg.name)) &&
	       memchr(in->msg.text, '\0', sizeof(in->msg.text));
}

static void on_message(void *context, uint32_t events)
{
	struct agent_uplink *uplink = context;
	union agent_link_any in;
	int fds[2] = {-1, -1};
	size_t nfds = 2;
	ssize_t n = fd_recv(uplink->fd, &in, sizeof(in), fds, &nfds);

	(void)events;
	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		fall_back(uplink, "ampoule-link closed its socket");
		return;
	}
	if (!is_sound(&in, (size_t)n, nfds))
		fall_back(uplink, "ampoule-link sent a malformed message");
	else if (in.type == AGENT_LINK_UP)
		on_up(uplink, &in.up);
	else if (in.type == AGENT_LINK_POLICY)
		on_policy(uplink, &in.policy, fds[0]);
	else
		on_msg(uplink, &in.msg, fds);
	for (size_t i = 0; i < nfds; i++)
		close(fds[i]);
}

static void fill_config(const struct agent *agent, struct agent_link_config *config)
{
	const struct agent_policies *policies = &agent->policies;

	*config = (struct agent_link_config){.type = AGENT_LINK_CONFIG,
					     .mode = AGENT_LINK_RUN,
					     .isolation = agent->isolation,
					     .counter = agent->identity.counter};
	memcpy(config->ca, agent->identity.ca, sizeof(config->ca));
	memcpy(config->event_stream, agent_spool_stream(agent->spool), AGENT_STREAM_BYTES);
	(void)snprintf(config->server, sizeof(config->server), "%s", agent->identity.server);
	if (!policies->policy)
		return;
	config->applied_serial = policies->serial;
	memcpy(config->applied_digest, policies->digest, sizeof(config->applied_digest));
	memcpy(config->applied_policy, policies->id, sizeof(config->applied_policy));
}

int agent_uplink_adopt(struct agent_uplink *uplink, struct agent *agent, int fd)
{
	uplink->agent = agent;
	uplink->fd = fd;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return agent_watch_start(&uplink->watch, &agent->loop, fd, EPOLLIN, on_message, uplink);
}

static void start(struct agent_uplink *uplink)
{
	struct agent *agent = uplink->agent;
	struct agent_link_config config;
	struct err err = {0};
	pid_t pid = 0;

	fill_config(agent, &config);
	int fd = agent_uplink_spawn(&agent->options, &config, &pid, &err);
	int r = pid > 0 ? agent_child_watch(&uplink->child, &agent->loop, pid, on_link_exit, uplink)
			: fd;

	if (fd >= 0 && r == 0)
		r = agent_uplink_adopt(uplink, agent, fd);
	else if (fd >= 0)
		close(fd);
	if (fd < 0 || r < 0)
		fall_back(uplink, err.text[0] ? err.text : "ampoule-link cannot be watched");
}

void agent_uplink_start(struct agent_uplink *uplink, struct agent *agent)
{
	uplink->agent = agent;
	(void)snprintf(uplink->text, sizeof(uplink->text), "%s",
		       agent_identity_is_enrolled(&agent->identity) ? "connecting"
								    : "not enrolled");
	if (agent_identity_is_enrolled(&agent->identity) && uplink->fd <= 0)
		start(uplink);
}

void agent_uplink_stop(struct agent_uplink *uplink)
{
	agent_timer_stop(&uplink->restart);
	agent_watch_stop(&uplink->watch);
	agent_child_kill(&uplink->child);
	if (uplink->fd > 0)
		close(uplink->fd);
	uplink->fd = -1;
}

void agent_uplink_send_events(struct agent_uplink *uplink)
{
	struct agent *agent = uplink->agent;

	if (!agent || !uplink->connected || uplink->in_flight)
		return;
	cleanup_free struct agent_event *events = calloc(AGENT_LINK_EVENTS_MAX, sizeof(*events));
	int n = events ? agent_spool_read(agent->spool, 0, events, AGENT_LINK_EVENTS_MAX) : -ENOMEM;

	if (n < 0)
		log_error("spool: cannot read events");
	if (n <= 0)
		return;
	cleanup_fd int fd = fd_sealed("events", events, (size_t)n * sizeof(*events));
	struct agent_link_msg msg = {.type = AGENT_LINK_EVENTS, .value = (uint32_t)n};

	memcpy(msg.digest, agent_spool_stream(agent->spool), AGENT_STREAM_BYTES);
	if (fd >= 0 && agent_uplink_send(uplink, &msg, sizeof(msg), &fd, 1) == 0)
		uplink->in_flight = events[n - 1].sequence;
}

void agent_uplink_policy_state(struct agent_uplink *uplink, enum agent_policy_phase phase,
			       uint64_t serial, const uint8_t digest[32], const char *reason)
{
	struct agent_link_policy state = {
		.type = AGENT_LINK_POLICY_STATE, .phase = phase, .serial = serial};

	if (uplink->fd <= 0)
		return;
	memcpy(state.digest, digest, sizeof(state.digest));
	(void)snprintf(state.text, sizeof(state.text), "%.255s", reason);
	(void)!agent_uplink_send(uplink, &state, sizeof(state), NULL,
				 0); /* a new link says it in Hello */
}
