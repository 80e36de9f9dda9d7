#include "agent/cli/connection.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/fd.h"

int agent_connect(struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *dir = getenv("AMPOULE_RUN_DIR");
	cleanup_fd int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return err_set(err, -errno, "cannot make a socket: %m");
	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s",
		     dir && dir[0] ? dir : "/run/ampoule",
		     AGENT_SOCKET_NAME) >= (int)sizeof(address.sun_path))
		return err_set(err, -ENAMETOOLONG, "AMPOULE_RUN_DIR is too long");
	if (connect(sock, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set(err, -errno,
			       "no agent is running on this machine (%s: %m); start it with "
			       "`ampoule-agent run`, as root",
			       address.sun_path);
	return take_fd(sock);
}

int agent_ask(int sock, unsigned type, unsigned value, const char *id, struct err *err)
{
	struct agent_req req = {.type = type, .version = AGENT_SOCKET_VERSION, .value = value};

	if (id && snprintf(req.id, sizeof(req.id), "%s", id) >= (int)sizeof(req.id))
		return err_set(err, -EINVAL, "no such micro-VM; `ampoule ls` lists yours");
	int r = fd_send(sock, &req, sizeof(req), NULL, 0);

	if (r < 0)
		return err_set(err, r, "cannot ask the agent: %s", strerror(-r));
	return 0;
}

static size_t size_of(uint32_t type)
{
	switch (type) {
	case AGENT_REP_VM:
		return sizeof(struct agent_rep_vm);
	case AGENT_REP_STATUS:
		return sizeof(struct agent_rep_status);
	case AGENT_REP_IMAGE:
		return sizeof(struct agent_rep_image);
	case AGENT_REP_TEMPLATE:
		return sizeof(struct agent_rep_template);
	case AGENT_REP_EVENT:
		return sizeof(struct agent_rep_event);
	case AGENT_REP_ASK:
		return sizeof(struct agent_rep_ask);
	default:
		return sizeof(struct agent_rep);
	}
}

/* The agent is root and trusted; its texts are ended all the same. */
static void end_texts(union agent_any_rep *reply)
{
	if (reply->type == AGENT_REP_EVENT) {
		reply->event.rule[MV_NAME_MAX - 1] = '\0';
		reply->event.policy_id[MV_NAME_MAX - 1] = '\0';
		if (reply->event.object_bytes > MV_PATH_MAX)
			reply->event.object_bytes = MV_PATH_MAX;
	} else if (reply->type == AGENT_REP_ASK) {
		reply->ask.rule[MV_NAME_MAX - 1] = '\0';
		reply->ask.path[MV_PATH_MAX - 1] = '\0';
	} else if (reply->type < AGENT_REP_VM || reply->type == AGENT_REP_END) {
		reply->rep.id[MV_NAME_MAX - 1] = '\0';
		reply->rep.text[AGENT_TEXT_MAX - 1] = '\0';
	}
}

int agent_receive_fd(int sock, union agent_any_rep *reply, int *ret_fd, struct err *err)
{
	size_t nfds = 1;
	ssize_t n = fd_recv(sock, reply, sizeof(*reply), ret_fd, &nfds);

	if (n <= 0 || nfds == 0)
		*ret_fd = -1;
	if (n <= 0)
		return err_set(err, n < 0 ? (int)n : -EPIPE,
			       "the agent closed the connection; its log says why");
	if ((size_t)n != size_of(reply->type))
		return err_set(err, -EPROTO, "the agent is of another version than this program");
	end_texts(reply);
	return 0;
}

int agent_receive(int sock, union agent_any_rep *reply, struct err *err)
{
	int fd = -1;
	int r = agent_receive_fd(sock, reply, &fd, err);

	if (fd >= 0)
		close(fd);
	return r;
}
