#include "agent/cli/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum {
	CHUNK = 4096
};

int agent_pump_open(struct agent_pump *pump, int to, int *ret_task_end)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	/* Each end is an open file of its own: the task's still waits for us. */
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) {
		int r = -errno;

		close(ends[0]);
		close(ends[1]);
		return r;
	}
	*pump = (struct agent_pump){.from = ends[0], .to = to};
	*ret_task_end = ends[1];
	return 0;
}

static bool write_all(int fd, const uint8_t *bytes, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, bytes, n);

		if (done < 0 && errno != EINTR)
			return false;
		bytes += done > 0 ? done : 0;
		n -= done > 0 ? (size_t)done : 0;
	}
	return true;
}

static void finish(struct agent_pump *pump)
{
	uint8_t out[FILTER_ROOM(0)];

	/* A terminal that went away has nothing to be reset. */
	(void)write_all(pump->to, out, filter_end(&pump->filter, out));
	close(pump->from);
	pump->from = -1;
}

void agent_pump_move(struct agent_pump *pump)
{
	uint8_t in[CHUNK];
	uint8_t out[FILTER_ROOM(CHUNK)];

	if (pump->from < 0)
		return;
	ssize_t n = read(pump->from, in, sizeof(in));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || !write_all(pump->to, out, filter_put(&pump->filter, in, (size_t)n, out)))
		finish(pump);
}

void agent_pump_end(struct agent_pump *pump)
{
	uint8_t in[CHUNK];
	uint8_t out[FILTER_ROOM(CHUNK)];
	ssize_t n;

	if (pump->from < 0)
		return;
	while ((n = read(pump->from, in, sizeof(in))) > 0)
		if (!write_all(pump->to, out, filter_put(&pump->filter, in, (size_t)n, out)))
			break;
	finish(pump);
}
