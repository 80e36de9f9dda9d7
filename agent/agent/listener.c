#include "agent/agent/listener.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "agent/agent/agent.h"
#include "agent/socket.h"
#include "common/log.h"

static bool may_connect(const struct agent_listener *listener, uid_t uid)
{
	const struct agent_options *options = &listener->agent->options;
	size_t own = 0;
	size_t all = 0;

	for (const struct agent_session *s = listener->sessions; s; s = s->next) {
		all++;
		own += s->uid == uid;
	}
	/* Root is not locked out by users. */
	return uid == 0 || (own < options->vms_per_user + AGENT_SESSIONS_SPARE_PER_USER &&
			    all < options->vms_max + AGENT_SESSIONS_SPARE);
}

static void on_connection(void *context, uint32_t events)
{
	struct agent_listener *listener = context;
	struct ucred peer;
	socklen_t n = sizeof(peer);
	cleanup_fd int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return; /* the client went, or descriptors are short: he tries again */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0) {
		log_warn("listener: no credentials of a client, ignoring: %m");
		return;
	}
	if (!may_connect(listener, peer.uid)) {
		log_warn("listener: too many connections uid=%u", peer.uid);
		return;
	}
	struct agent_session *session;
	int r = agent_session_new(listener->agent, take_fd(fd), peer.uid, &session);

	if (r < 0) {
		log_warn("listener: cannot serve a client: %s", strerror(-r));
		return;
	}
	session->next = listener->sessions;
	listener->sessions = session;
}

int agent_listener_start(struct agent_listener *listener, struct agent *agent, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *dir = agent->options.run_dir;

	*listener = (struct agent_listener){.agent = agent, .fd = -1};
	int r = agent_make_folder(dir, 0755, err);

	if (r < 0)
		return r;
	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", dir, AGENT_SOCKET_NAME) >=
	    (int)sizeof(address.sun_path))
		return err_set(err, -ENAMETOOLONG, "the name of folder %s is too long", dir);
	listener->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return err_set(err, -errno, "cannot make a socket: %m");
	(void)unlink(address.sun_path); /* the state lock says that no other agent uses it */
	if (bind(listener->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(address.sun_path, 0666) < 0 || listen(listener->fd, 64) < 0)
		return err_set(err, -errno, "cannot listen on %s: %m", address.sun_path);
	return agent_watch_start(&listener->watch, &agent->loop, listener->fd, EPOLLIN,
				 on_connection, listener);
}

void agent_listener_stop(struct agent_listener *listener)
{
	agent_watch_stop(&listener->watch);
	while (listener->sessions)
		agent_listener_drop(listener, listener->sessions);
	if (listener->fd > 0)
		close(listener->fd);
	listener->fd = -1;
}

void agent_listener_drop(struct agent_listener *listener, struct agent_session *session)
{
	for (struct agent_session **at = &listener->sessions; *at; at = &(*at)->next) {
		if (*at != session)
			continue;
		*at = session->next;
		break;
	}
	agent_session_free(session);
}
