#include "server/fleet/listener.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "common/log.h"
#include "server/fleet/session.h"

struct connection {
	struct srv_fleet *fleet;
	int fd; /* guarded by fleet->lock: -1 once the connection's thread has taken its end */
	struct connection *next; /* guarded by fleet->lock */
};

struct srv_fleet {
	const struct srv_context *context;
	const struct srv_ca *ca;
	struct srv_tls *tls;
	size_t max;
	int listener;
	int stop_fd;
	uint16_t port;
	pthread_t acceptor;
	pthread_mutex_t lock;
	pthread_cond_t empty;
	struct connection *connections; /* guarded by lock */
	size_t count;                   /* guarded by lock */
};

/* "host:port" or "[v6]:port" into its halves. */
static int split(const char *text, char *host, size_t cap, const char **ret_port)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;

	if (!colon || !colon[1] || n >= cap)
		return -EINVAL;
	if (n > 1 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	memcpy(host, text, n);
	host[n] = '\0';
	*ret_port = colon + 1;
	return 0;
}

static int bind_to(const struct addrinfo *a)
{
	const int one = 1;
	cleanup_fd int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, 512) < 0)
		return -errno;
	return take_fd(fd);
}

static int listen_on(const char *text, struct err *err)
{
	const struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	char host[256];
	const char *port;

	if (split(text, host, sizeof(host), &port) < 0)
		return err_set(err, -EINVAL, "'%s' is not host:port", text);
	int r = getaddrinfo(host[0] ? host : NULL, port, &hints, &found);

	if (r)
		return err_set(err, -EINVAL, "'%s': %s", text, gai_strerror(r));
	int fd = bind_to(found);

	freeaddrinfo(found);
	return fd < 0 ? err_set(err, fd, "cannot listen on '%s': %s", text, strerror(-fd)) : fd;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t n = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &n) < 0)
		return 0;
	return address.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&address)->sin6_port)
					     : ntohs(((struct sockaddr_in *)&address)->sin_port);
}

/* Removes the connection; the fleet may be gone when this returns. */
static void forget(struct connection *c)
{
	struct srv_fleet *fleet = c->fleet;

	pthread_mutex_lock(&fleet->lock);
	struct connection **at = &fleet->connections;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	fleet->count--;
	pthread_cond_signal(&fleet->empty);
	pthread_mutex_unlock(&fleet->lock);
	free(c);
}

/* The descriptor is closed by TLS; before that srv_fleet_stop() must not know it any more. */
static void *serve(void *context)
{
	struct connection *c = context;
	struct srv_peer peer = {0};
	struct err err = {0};
	int tls_fd = dup(c->fd);
	struct srv_tls_conn *tls =
		tls_fd < 0 ? NULL : srv_tls_accept(c->fleet->tls, tls_fd, &peer, &err);

	if (tls)
		srv_session_run(c->fleet->context, c->fleet->ca, tls, &peer);
	else
		log_info("fleet: a connection came to nothing: %s", err.text);
	srv_tls_conn_close(tls);
	pthread_mutex_lock(&c->fleet->lock);
	close(c->fd);
	c->fd = -1;
	pthread_mutex_unlock(&c->fleet->lock);
	forget(c);
	return NULL;
}

static int start_thread(struct connection *c)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, SRV_FLEET_STACK);
	int r = pthread_create(&thread, &attributes, serve, c);

	pthread_attr_destroy(&attributes);
	return -r;
}

static void take_connection(struct srv_fleet *fleet, int fd)
{
	struct connection *c = calloc(1, sizeof(*c));

	pthread_mutex_lock(&fleet->lock);
	bool room = c && fleet->count < fleet->max;

	if (room) {
		*c = (struct connection){.fleet = fleet, .fd = fd, .next = fleet->connections};
		fleet->connections = c;
		fleet->count++;
	}
	pthread_mutex_unlock(&fleet->lock);
	if (!room) {
		log_warn("fleet: too many connections, closing one");
		free(c);
		close(fd);
		return;
	}
	int r = start_thread(c);

	if (r < 0) {
		log_warn("fleet: no thread for a connection, closing it: %s", strerror(-r));
		close(fd);
		forget(c);
	}
}

static void *accept_all(void *context)
{
	struct srv_fleet *fleet = context;
	struct pollfd p[2] = {{.fd = fleet->listener, .events = POLLIN},
			      {.fd = fleet->stop_fd, .events = POLLIN}};

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			log_error("fleet: poll: %m");
		if (p[1].revents)
			return NULL;
		if (!p[0].revents)
			continue;
		int fd = accept4(fleet->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			take_connection(fleet, fd);
		} else if (errno == EMFILE || errno == ENFILE) {
			log_error("fleet: no descriptor left for a connection");
			(void)poll(&p[1], 1, 100); /* or the loop would spin until one is free */
		}
	}
}

static void free_fleet(struct srv_fleet *fleet)
{
	if (fleet->listener >= 0)
		close(fleet->listener);
	if (fleet->stop_fd >= 0)
		close(fleet->stop_fd);
	srv_tls_close(fleet->tls);
	pthread_cond_destroy(&fleet->empty);
	pthread_mutex_destroy(&fleet->lock);
	free(fleet);
}

struct srv_fleet *srv_fleet_start(const struct srv_context *context, const struct srv_ca *ca,
				  size_t connections, struct err *err)
{
	struct srv_fleet *fleet = calloc(1, sizeof(*fleet));

	if (!fleet) {
		(void)err_set(err, -ENOMEM, "fleet: out of memory");
		return NULL;
	}
	pthread_mutex_init(&fleet->lock, NULL);
	pthread_cond_init(&fleet->empty, NULL);
	fleet->context = context;
	fleet->ca = ca;
	fleet->max = connections;
	fleet->listener = -1;
	fleet->stop_fd = eventfd(0, EFD_CLOEXEC);
	fleet->tls = srv_tls_open(context->config->state_dir, err);
	if (fleet->tls)
		fleet->listener = listen_on(context->config->listen_agents, err);
	if (fleet->listener < 0) {
		free_fleet(fleet);
		return NULL;
	}
	fleet->port = port_of(fleet->listener);
	int r = pthread_create(&fleet->acceptor, NULL, accept_all, fleet);

	if (r) {
		(void)err_set(err, -r, "fleet: cannot start a thread: %s", strerror(r));
		free_fleet(fleet);
		return NULL;
	}
	return fleet;
}

void srv_fleet_stop(struct srv_fleet *fleet)
{
	if (!fleet)
		return;
	(void)!eventfd_write(fleet->stop_fd, 1); /* cannot fail: the counter was 0 */
	pthread_join(fleet->acceptor, NULL);
	pthread_mutex_lock(&fleet->lock);
	for (struct connection *c = fleet->connections; c; c = c->next) {
		if (c->fd >= 0)
			(void)shutdown(c->fd, SHUT_RDWR); /* its thread sees the end */
	}
	while (fleet->count)
		pthread_cond_wait(&fleet->empty, &fleet->lock);
	pthread_mutex_unlock(&fleet->lock);
	free_fleet(fleet);
}

uint16_t srv_fleet_port(const struct srv_fleet *fleet)
{
	return fleet->port;
}
