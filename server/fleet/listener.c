#include "server/fleet/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "common/log.h"
#include "server/fleet/ingest.h"
#include "server/fleet/ledger.h"
#include "server/fleet/queue.h"

enum {
	BACKLOG = 4096, /* a whole fleet may come at once; it is served in the order it came */
	SWEEP_MS = 1000,
	ACCEPTS_AT_ONCE = 64
};

struct srv_fleet {
	struct srv_services services;
	struct srv_db *db; /* owned */
	struct srv_tls *tls;
	struct srv_queue *queue;
	int listener;
	int stop_fd;
	uint16_t port;
	bool accepting; /* the thread runs */
	pthread_t acceptor;
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
	cleanup_fd int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
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

static void take_connection(struct srv_fleet *fleet, int fd)
{
	int r = srv_queue_add(fleet->queue, fleet->tls, fd);

	if (r < 0)
		log_warn("fleet: closing a connection: %s",
			 r == -ENFILE ? "too many of them" : strerror(-r));
}

/* Takes whoever waits; false when no descriptor is left. */
static bool accept_waiting(struct srv_fleet *fleet)
{
	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		int fd = accept4(fleet->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return errno != EMFILE && errno != ENFILE;
		take_connection(fleet, fd);
	}
	return true;
}

static void *accept_all(void *context)
{
	struct srv_fleet *fleet = context;
	struct pollfd p[2] = {{.fd = fleet->listener, .events = POLLIN},
			      {.fd = fleet->stop_fd, .events = POLLIN}};
	time_t swept = 0;

	for (;;) {
		if (poll(p, 2, SWEEP_MS) < 0 && errno != EINTR)
			log_error("fleet: poll: %m");
		if (p[1].revents)
			return NULL;
		if (swept != time(NULL)) {
			swept = time(NULL);
			srv_queue_sweep(fleet->queue);
		}
		if (p[0].revents && !accept_waiting(fleet)) {
			log_error("fleet: no descriptor left for a connection");
			(void)poll(&p[1], 1, 100); /* or the loop would spin until one is free */
		}
	}
}

static int start_parts(struct srv_fleet *fleet, size_t connections, struct err *err)
{
	struct srv_services *s = &fleet->services;
	const char *instance = srv_hub_instance(s->context.hub);

	fleet->stop_fd = eventfd(0, EFD_CLOEXEC);
	fleet->tls = srv_tls_open(s->context.config->state_dir, err);
	if (!fleet->tls)
		return -EIO;
	fleet->db = srv_db_open(s->context.config->db, SRV_FLEET_DB, err);
	if (!fleet->db)
		return -EIO;
	s->context.db = fleet->db;
	s->ledger = srv_ledger_start(fleet->db, instance, err);
	if (!s->ledger)
		return -EIO;
	s->ingest = srv_ingest_start(fleet->db, instance, err);
	if (!s->ingest)
		return -EIO;
	fleet->queue = srv_queue_new(s, connections, err);
	if (!fleet->queue)
		return -EIO;
	fleet->listener = listen_on(s->context.config->listen_agents, err);
	if (fleet->listener < 0)
		return -EIO;
	fleet->port = port_of(fleet->listener);
	return srv_queue_start(fleet->queue, SRV_FLEET_WORKERS, err);
}

struct srv_fleet *srv_fleet_start(const struct srv_context *context, const struct srv_ca *ca,
				  size_t connections, struct err *err)
{
	struct srv_fleet *fleet = calloc(1, sizeof(*fleet));

	if (!fleet) {
		(void)err_set(err, -ENOMEM, "fleet: out of memory");
		return NULL;
	}
	fleet->services = (struct srv_services){.context = *context,
						.ca = ca,
						.wake = srv_queue_wake,
						.hold = srv_queue_hold,
						.let_go = srv_queue_let_go};
	fleet->listener = -1;
	fleet->stop_fd = -1;
	int r = start_parts(fleet, connections, err);

	if (r == 0)
		r = -pthread_create(&fleet->acceptor, NULL, accept_all, fleet);
	fleet->accepting = r == 0;
	if (r == 0)
		return fleet;
	if (!err->text[0])
		(void)err_set(err, r, "fleet: cannot start a thread: %s", strerror(-r));
	srv_fleet_stop(fleet);
	return NULL;
}

int srv_fleet_reload(struct srv_fleet *fleet, struct err *err)
{
	return srv_tls_reload(fleet->tls, fleet->services.context.config->state_dir, err);
}

/* The threads first, then who holds sessions, then the sessions, then who hears of their end. */
void srv_fleet_stop(struct srv_fleet *fleet)
{
	if (!fleet)
		return;
	if (fleet->accepting) {
		(void)!eventfd_write(fleet->stop_fd, 1); /* cannot fail: the counter was 0 */
		pthread_join(fleet->acceptor, NULL);
	}
	if (fleet->queue)
		srv_queue_stop(fleet->queue);
	srv_ingest_stop(fleet->services.ingest);
	srv_queue_free(fleet->queue);
	srv_ledger_stop(fleet->services.ledger);
	srv_db_close(fleet->db);
	if (fleet->listener >= 0)
		close(fleet->listener);
	if (fleet->stop_fd >= 0)
		close(fleet->stop_fd);
	srv_tls_close(fleet->tls);
	free(fleet);
}

uint16_t srv_fleet_port(const struct srv_fleet *fleet)
{
	return fleet->port;
}
