#include "agent/agent/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/socket.h"
#include "common/fd.h"

int agent_client_ask(const struct agent_options *options, unsigned type, int fd, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct agent_req req = {.type = type, .version = AGENT_SOCKET_VERSION};
	struct agent_rep rep;
	cleanup_fd int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return err_set(err, -errno, "cannot make a socket: %m");
	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", options->run_dir,
		     AGENT_SOCKET_NAME) >= (int)sizeof(address.sun_path))
		return err_set(err, -ENAMETOOLONG, "the run folder's name is too long");
	if (connect(sock, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set(err, -ENOENT, "no agent is running (%s: %m)", address.sun_path);
	int r = fd_send(sock, &req, sizeof(req), &fd, fd >= 0 ? 1 : 0);

	if (r < 0)
		return err_set(err, r, "cannot ask the agent: %s", strerror(-r));
	ssize_t n = fd_recv(sock, &rep, sizeof(rep), NULL, NULL);

	if (n != sizeof(rep))
		return err_set(err, -EIO, "the agent gave no answer");
	if (rep.type != AGENT_REP_OK)
		return err_set(err, -EACCES, "%.*s", (int)sizeof(rep.text) - 1, rep.text);
	return 0;
}
