#include "golden-image/init/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	/* Cannot fail for a pipe or socket of our own; were it to, the pump would only be slower. */
	if (flags >= 0)
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static void finish(struct pump *p)
{
	if (p->from >= 0)
		close(p->from);
	if (p->to >= 0)
		close(p->to);
	p->from = p->to = -1;
	p->have = 0;
}

void pump_start(struct pump *p, int from, int to)
{
	p->from = from;
	p->to = to;
	p->at = p->have = 0;
	if (from < 0 || to < 0) {
		finish(p);
		return;
	}
	set_nonblock(from);
	set_nonblock(to);
}

/* While the buffer is empty, to is watched too, for its end alone: POLLERR of a pipe without readers,
 * POLLHUP or POLLRDHUP of a stream that the host has reset. */
void pump_poll(const struct pump *p, struct pollfd out[2])
{
	out[0] = (struct pollfd){.fd = p->have ? -1 : p->from, .events = POLLIN};
	out[1] = (struct pollfd){.fd = p->to, .events = p->have ? POLLOUT : POLLRDHUP};
}

static void drain(struct pump *p)
{
	ssize_t n = write(p->to, p->bytes + p->at, p->have);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		finish(p);
		return;
	}
	if (n > 0) {
		p->at += (size_t)n;
		p->have -= (size_t)n;
	}
}

static void fill(struct pump *p)
{
	ssize_t n = read(p->from, p->bytes, sizeof(p->bytes));

	if (n > 0) {
		p->at = 0;
		p->have = (size_t)n;
		drain(p);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		finish(p);
	}
}

void pump_move(struct pump *p, const struct pollfd in[2])
{
	if (p->to < 0)
		return;
	if (p->have) {
		if (in[1].revents)
			drain(p);
	} else if (in[1].revents & (POLLERR | POLLHUP | POLLRDHUP)) {
		finish(p);
	} else if (in[0].revents) {
		fill(p);
	}
}

bool pump_is_done(const struct pump *p)
{
	return p->to < 0;
}
