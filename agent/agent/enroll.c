#include "agent/agent/enroll.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "agent/agent/uplink.h"
#include "agent/link.h"
#include "common/fd.h"

enum {
	ENROLL_LIMIT_MS = 60000
};

static int refuse_enrolled(const struct agent_options *options, struct err *err)
{
	struct agent_identity old;
	struct err why = {0};
	int r = agent_identity_load(options->state_dir, &old, &why);

	if (r == 0 && agent_identity_is_enrolled(&old))
		return err_set(
			err, -EEXIST,
			"this endpoint is already enrolled at %s as device %s; to start over, "
			"stop the agent and remove %s",
			old.server, old.device_id, options->state_dir);
	if (r < 0 && r != -ENOENT)
		return err_set(err, r, "%s", why.text);
	return 0;
}

/* Waits for the link's one answer. */
static int wait_for_answer(int sock, struct agent_identity *identity, struct err *err)
{
	union agent_link_any in;
	struct pollfd p = {.fd = sock, .events = POLLIN};
	int ready = poll(&p, 1, ENROLL_LIMIT_MS);

	if (ready == 0)
		return err_set(err, -ETIMEDOUT, "%s did not answer within %d s", identity->server,
			       ENROLL_LIMIT_MS / 1000);
	ssize_t n = fd_recv(sock, &in, sizeof(in), NULL, NULL);

	if (n == sizeof(in.msg) && in.type == AGENT_LINK_DOWN)
		return err_set(err, -EACCES, "%.*s", (int)sizeof(in.msg.text) - 1, in.msg.text);
	if (n != sizeof(in.up) || in.type != AGENT_LINK_ENROLLED ||
	    !memchr(in.up.device_id, '\0', sizeof(in.up.device_id)) ||
	    !memchr(in.up.group, '\0', sizeof(in.up.group)) || !in.up.device_id[0])
		return err_set(err, -EIO, "ampoule-link ended without an answer");
	memcpy(identity->device_id, in.up.device_id, sizeof(identity->device_id));
	memcpy(identity->group, in.up.group, sizeof(identity->group));
	return 0;
}

int agent_enroll(const struct agent_options *options, const struct token *token,
		 struct agent_identity *ret_identity, struct err *err)
{
	struct agent_identity identity = {0};
	struct agent_link_config config = {.type = AGENT_LINK_CONFIG, .mode = AGENT_LINK_ENROLL};
	pid_t pid = 0;
	int r = refuse_enrolled(options, err);

	if (r < 0)
		return r;
	agent_identity_pin(&identity, token);
	memcpy(config.ca, token->ca, sizeof(config.ca));
	memcpy(config.secret, token->secret, sizeof(config.secret));
	(void)snprintf(config.server, sizeof(config.server), "%s", token->server);
	cleanup_fd int sock = agent_uplink_spawn(options, &config, &pid, err);

	explicit_bzero(&config, sizeof(config));
	r = sock < 0 ? sock : wait_for_answer(sock, &identity, err);
	if (pid > 0) {
		if (r < 0)
			kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	if (r == 0)
		r = agent_identity_save(options->state_dir, &identity, err);
	if (r == 0)
		*ret_identity = identity;
	return r;
}
