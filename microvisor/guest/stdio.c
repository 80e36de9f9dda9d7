#include "microvisor/guest/stdio.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Each turn of the loop moves at most one chunk per stream, so that none starves the others. A stream's
 * bytes are taken from the device only when the ones before them are written: the guest's credit, and
 * with it the task, follows the user's reader. */

enum {
	POLL_WAKE,
	POLL_STREAMS,
	POLL_COUNT = POLL_STREAMS + 3,
	STACK_BYTES = 64 << 10, /* huge pages would give a larger one 2 MiB of memory */
	RELEASE_WAIT_S = 1
};

/* Whether the policy lets the stream be used for one more chunk; records the access. */
static bool is_allowed(struct mv_stdio *io, const struct mv_stdio_stream *s,
		       const struct mv_exit *from)
{
	static const char *const objects[3] = {"stdin", "stdout", "stderr"};
	const char *object = objects[s->port - MV_PORT_STDIN];
	struct mv_access access = {
		.class = MV_CLASS_STDIO,
		.op = s->port == MV_PORT_STDIN ? MV_OP_READ : MV_OP_WRITE,
		.object_bytes = (uint16_t)strlen(object),
		.object = object,
	};

	return mv_arbiter_decide(io->config->arbiter, &access, from, MV_CASE_PLAIN) == MV_ALLOW;
}

bool mv_stdio_accepts(struct mv_stdio *io, unsigned port, const struct mv_exit *from)
{
	const struct mv_stdio_stream *s = &io->streams[port - MV_PORT_STDIN];

	return s->is_given && is_allowed(io, s, from);
}

static void close_stream(struct mv_stdio_stream *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->have = 0;
}

/* The reader is gone or not allowed: the task's next write fails. */
static void break_stream(struct mv_stdio *io, struct mv_stdio_stream *s)
{
	close_stream(s);
	mv_vsock_reset(io->config->vsock, s->port);
}

/* Reads one chunk of the user's input, if there is room for it. */
static void feed(struct mv_stdio *io, struct mv_stdio_stream *s)
{
	size_t room = mv_vsock_room(io->config->vsock, s->port);

	if (room == 0)
		return;
	ssize_t n = read(s->fd, s->bytes, room < MV_STDIO_CHUNK ? room : MV_STDIO_CHUNK);

	/* A thread that was stuck and is left over must not touch the device any more. */
	if (atomic_load(&io->is_stopping) || (n < 0 && (errno == EINTR || errno == EAGAIN)))
		return;
	/* An error of the descriptor (a terminal that went away, a folder) is the end of input. */
	if (n > 0 && is_allowed(io, s, NULL)) {
		(void)mv_vsock_write(io->config->vsock, s->port, s->bytes,
				     (size_t)n); /* it has room */
		return;
	}
	mv_vsock_end(io->config->vsock, s->port);
	close_stream(s);
}

/* Takes the next chunk of the guest's output. */
static void fill(struct mv_stdio *io, struct mv_stdio_stream *s)
{
	s->at = 0;
	s->have = mv_vsock_read(io->config->vsock, s->port, s->bytes, sizeof(s->bytes));
	if (s->have > 0 && !is_allowed(io, s, NULL))
		break_stream(io, s);
}

/* A socket may have less room than poll(2) promises of a pipe, and says so only when asked not to wait. */
static void drain(struct mv_stdio *io, struct mv_stdio_stream *s)
{
	const uint8_t *from = s->bytes + s->at;
	ssize_t n = send(s->fd, from, s->have, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno == ENOTSOCK)
		n = write(s->fd, from, s->have < PIPE_BUF ? s->have : PIPE_BUF);
	if (atomic_load(&io->is_stopping)) /* as in feed() */
		return;
	if (n < 0 && errno != EINTR && errno != EAGAIN) {
		break_stream(io, s);
	} else if (n > 0) {
		s->at += (size_t)n;
		s->have -= (size_t)n;
	}
}

/* What to wait for at an output stream, after taking what the device holds. */
static void prepare_output(struct mv_stdio *io, struct mv_stdio_stream *s, bool is_finishing,
			   struct pollfd *p)
{
	if (s->fd >= 0 && s->have == 0) {
		unsigned ready = mv_vsock_ready(io->config->vsock, s->port);

		if (ready & MV_VSOCK_INPUT)
			fill(io, s);
		else if ((ready & MV_VSOCK_ENDED) || is_finishing)
			close_stream(s);
	}
	*p = (struct pollfd){.fd = s->have ? s->fd : -1, .events = POLLOUT};
}

static void prepare_input(struct mv_stdio *io, struct mv_stdio_stream *s, bool is_finishing,
			  struct pollfd *p)
{
	unsigned ready = s->fd >= 0 ? mv_vsock_ready(io->config->vsock, s->port) : 0;

	if ((ready & MV_VSOCK_ENDED) || is_finishing)
		close_stream(s);
	*p = (struct pollfd){.fd = (ready & MV_VSOCK_OUTPUT) ? s->fd : -1, .events = POLLIN};
}

static void serve(struct mv_stdio *io, const struct pollfd p[POLL_COUNT])
{
	uint64_t wakes;

	if (p[POLL_WAKE].revents && read(io->wake_fd, &wakes, sizeof(wakes)) < 0)
		return;
	if (p[POLL_STREAMS].revents)
		feed(io, &io->streams[0]);
	for (unsigned i = 1; i < 3; i++)
		if (p[POLL_STREAMS + i].revents)
			drain(io, &io->streams[i]);
}

static void *run(void *context)
{
	struct mv_stdio *io = context;
	struct pollfd p[POLL_COUNT] = {[POLL_WAKE] = {.fd = io->wake_fd, .events = POLLIN}};

	if (io->config->ops->stdio_thread)
		io->config->ops->stdio_thread(io->config->machine);
	while (!atomic_load(&io->is_open) && !atomic_load(&io->is_finishing) &&
	       !atomic_load(&io->is_stopping)) {
		if (poll(p, 1, -1) > 0)
			serve(io, p);
	}
	while (!atomic_load(&io->is_stopping)) {
		/* Read before the streams: what came before it is in the device by then. */
		bool is_finishing = atomic_load(&io->is_finishing);

		prepare_input(io, &io->streams[0], is_finishing, &p[POLL_STREAMS]);
		for (unsigned i = 1; i < 3; i++)
			prepare_output(io, &io->streams[i], is_finishing, &p[POLL_STREAMS + i]);
		if (is_finishing && io->streams[1].fd < 0 && io->streams[2].fd < 0) {
			atomic_store(&io->is_done, true);
			(void)eventfd_write(io->done_fd, 1); /* as in mv_stdio_wake() */
			break;
		}
		if (poll(p, POLL_COUNT, -1) > 0)
			serve(io, p);
	}
	return NULL;
}

int mv_stdio_init(struct mv_stdio *io, const struct mv_task_config *config, int done_fd)
{
	io->config = config;
	io->done_fd = done_fd;
	for (unsigned i = 0; i < 3; i++)
		io->streams[i].fd = -1;
	io->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return io->wake_fd < 0 ? -errno : 0;
}

void mv_stdio_open(struct mv_stdio *io)
{
	for (unsigned i = 0; i < 3; i++) {
		struct mv_stdio_stream *s = &io->streams[i];

		s->fd = io->config->fds[i];
		s->is_given = s->fd >= 0;
		s->port = MV_PORT_STDIN + i;
	}
	atomic_store(&io->is_open, true);
	mv_stdio_wake(io);
}

int mv_stdio_start(struct mv_stdio *io)
{
	pthread_attr_t attr;
	sigset_t all;
	sigset_t before;

	int r = pthread_attr_init(&attr);

	if (r != 0)
		return -r;
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES); /* a hint: the default works too */
	/* SIGPIPE above all: with it blocked a write to a pipe without readers is an error, no death. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&io->thread, &attr, run, io);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	io->is_started = r == 0;
	return -r;
}

void mv_stdio_wake(struct mv_stdio *io)
{
	(void)eventfd_write(io->wake_fd, 1); /* fails only when it is signalled already */
}

void mv_stdio_finish(struct mv_stdio *io)
{
	atomic_store(&io->is_finishing, true);
	mv_stdio_wake(io);
}

bool mv_stdio_release(struct mv_stdio *io)
{
	struct timespec until;

	if (io->is_started) {
		atomic_store(&io->is_stopping, true);
		mv_stdio_wake(io);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += RELEASE_WAIT_S;
		if (pthread_timedjoin_np(io->thread, NULL, &until) != 0)
			return false;
	}
	for (unsigned i = 0; i < 3; i++)
		close_stream(&io->streams[i]);
	if (io->wake_fd >= 0)
		close(io->wake_fd);
	io->wake_fd = -1;
	return true;
}
