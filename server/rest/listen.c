#include "server/rest/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
	BACKLOG = 128
};

/* Splits "host:port" and "[v6]:port" into two texts. */
static int split_address(const char *listen, char *host, size_t cap, const char **ret_port)
{
	const char *colon = strrchr(listen, ':');
	const char *start = listen, *end = colon;

	if (!colon || !colon[1])
		return -EINVAL;
	if (*start == '[' && colon > start && colon[-1] == ']') {
		start++;
		end--;
	}
	if ((size_t)(end - start) >= cap)
		return -EINVAL;
	snprintf(host, cap, "%.*s", (int)(end - start), start);
	*ret_port = colon + 1;
	return 0;
}

static int try_listen(const struct addrinfo *a)
{
	int yes = 1;
	cleanup_fd int fd =
		socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
	    bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return take_fd(fd);
}

int srv_listen_open(const char *listen, struct err *err)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *list = NULL;
	const char *port;
	char host[256];

	if (split_address(listen, host, sizeof(host), &port) < 0)
		return err_set(err, -EINVAL, "listen address '%s': want host:port", listen);
	int r = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);

	if (r)
		return err_set(err, -EINVAL, "listen address '%s': %s", listen, gai_strerror(r));
	r = -EADDRNOTAVAIL;
	for (const struct addrinfo *a = list; a && r < 0; a = a->ai_next)
		r = try_listen(a);
	freeaddrinfo(list);
	if (r < 0)
		return err_set(err, r, "cannot listen on '%s': %s", listen, strerror(-r));
	return r;
}

uint16_t srv_listen_port(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return 0;
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}
