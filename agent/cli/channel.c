#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/cli/cli.h"
#include "common/fd.h"
#include "common/log.h"

/* The size each reply must have; a reply of another size is not from our agent. */
static size_t size_of(uint32_t type)
{
	switch (type) {
	case AGENT_REP_OK:
	case AGENT_REP_REFUSED:
	case AGENT_REP_PROGRESS:
	case AGENT_REP_NOTICE:
	case AGENT_REP_STARTED:
	case AGENT_REP_EXITED:
	case AGENT_REP_END:
		return sizeof(struct agent_rep);
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
	default:
		return 0;
	}
}

int cli_connect(const struct cli *cli, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", cli->run_dir,
			 AGENT_SOCKET_NAME);

	if (n < 0 || (size_t)n >= sizeof(address.sun_path))
		return err_set(err, -ENAMETOOLONG, "the run folder's name is too long");
	cleanup_fd int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return err_set(err, -errno, "cannot make a socket: %m");
	if (connect(sock, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set(err, -errno,
			       "the agent does not answer at %s (%m); is ampoule-agent running? "
			       "Nothing was opened "
			       "outside a micro-VM",
			       address.sun_path);
	return take_fd(sock);
}

int cli_ask(int sock, unsigned type, unsigned value, const char *id, struct err *err)
{
	struct agent_req req = {.type = type, .version = AGENT_SOCKET_VERSION, .value = value};

	if (id && strlen(id) >= sizeof(req.id))
		return err_set(err, -EINVAL, "no such micro-VM");
	if (id)
		memcpy(req.id, id, strlen(id));
	int r = fd_send(sock, &req, sizeof(req), NULL, 0);

	return r < 0 ? err_set(err, r, "cannot ask the agent: %s", strerror(-r)) : 0;
}

/* The agent is trusted more than we are, but a missing terminator would be its bug and our crash. */
static void terminate(union agent_any_rep *rep, size_t n)
{
	if (n == sizeof(rep->rep)) {
		rep->rep.id[sizeof(rep->rep.id) - 1] = '\0';
		rep->rep.text[sizeof(rep->rep.text) - 1] = '\0';
	}
	if (rep->type == AGENT_REP_EVENT && rep->event.object_bytes > sizeof(rep->event.object))
		rep->event.object_bytes = sizeof(rep->event.object);
}

int cli_receive(int sock, union agent_any_rep *ret_rep, struct err *err)
{
	ssize_t n = fd_recv(sock, ret_rep, sizeof(*ret_rep), NULL, NULL);

	if (n < 0)
		return err_set(err, (int)n, "the agent's answer cannot be read: %s",
			       strerror((int)-n));
	if (n == 0)
		return 0;
	if ((size_t)n < sizeof(uint32_t) || (size_t)n != size_of(ret_rep->type))
		return err_set(err, -EPROTO,
			       "the agent's answer has a wrong size; are both of one version?");
	terminate(ret_rep, (size_t)n);
	return 1;
}

int cli_fail(int status, const char *text)
{
	char quoted[2 * AGENT_TEXT_MAX];

	fprintf(stderr, "ampoule: %s\n", log_quote(quoted, sizeof(quoted), text, strlen(text)));
	return status;
}
