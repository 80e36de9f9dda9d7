#include "golden-image/init/supervise.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/rd.h"
#include "golden-image/init/pump.h"

enum {
	POLL_CONTROL,
	POLL_SIGNALS,
	POLL_PUMPS,
	POLL_COUNT = POLL_PUMPS + 6
};

struct supervisor {
	int control;
	int signals;
	pid_t pid;
	bool has_ended;
	int wait_status;
	struct frame_reader *reader;
	struct fault *fault;
};

/* Three buffers: too much for PID 1's stack, and there is one init in a guest. */
static struct pump pumps[3];

int supervise_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return -EINVAL;
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

/* Reaps the task and whatever was left to PID 1. When the task ends, so does everything it started: it
 * would otherwise hold the output open, and run on unseen. */
static void reap(struct supervisor *s)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(s->signals, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != s->pid)
			continue;
		s->has_ended = true;
		s->wait_status = status;
		(void)kill(-1, SIGKILL); /* ESRCH: nobody is left */
	}
}

static int on_frame(struct supervisor *s, const struct frame *frame)
{
	struct rd rd = rd_of(frame->payload, frame->bytes);
	uint32_t signo = rd_u32le(&rd);

	if (frame->type != MV_FRAME_SIGNAL || frame->bytes != 4 || signo < 1 || signo > 64)
		return fault_set(s->fault, EBADMSG, "control frame %u", frame->type);
	if (!s->has_ended)
		(void)kill(-s->pid, (int)signo); /* ESRCH: it is just ending */
	frame_done(s->reader);
	return 0;
}

static int serve_control(struct supervisor *s)
{
	struct frame frame;
	uint8_t *at;
	size_t want = frame_want(s->reader, &at);
	ssize_t got = read(s->control, at, want);

	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (got <= 0)
		return fault_set(s->fault, got ? errno : EPIPE, "the host has gone");
	int r = frame_got(s->reader, (size_t)got, &frame);

	if (r < 0)
		return fault_set(s->fault, -r, "control frame");
	return r > 0 ? on_frame(s, &frame) : 0;
}

/* The task's end is not the output's: what its pipes still hold goes out first. */
static bool is_over(const struct supervisor *s)
{
	return s->has_ended && pump_is_done(&pumps[1]) && pump_is_done(&pumps[2]);
}

static int serve(struct supervisor *s)
{
	struct pollfd p[POLL_COUNT] = {
		[POLL_CONTROL] = {.fd = s->control, .events = POLLIN},
		[POLL_SIGNALS] = {.fd = s->signals, .events = POLLIN},
	};

	for (size_t i = 0; i < 3; i++)
		pump_poll(&pumps[i], p + POLL_PUMPS + 2 * i);
	if (poll(p, POLL_COUNT, -1) < 0)
		return errno == EINTR ? 0 : fault_set(s->fault, errno, "poll");
	for (size_t i = 0; i < 3; i++)
		pump_move(&pumps[i], p + POLL_PUMPS + 2 * i);
	if (p[POLL_SIGNALS].revents)
		reap(s);
	return p[POLL_CONTROL].revents ? serve_control(s) : 0;
}

int supervise(int control, int signals, struct frame_reader *reader, const struct task *task,
	      const int streams[3], struct fault *fault)
{
	struct supervisor s = {
		.control = control,
		.signals = signals,
		.pid = task->pid,
		.reader = reader,
		.fault = fault,
	};
	int r = 0;

	pump_start(&pumps[0], streams[0], task->fds[0]);
	pump_start(&pumps[1], task->fds[1], streams[1]);
	pump_start(&pumps[2], task->fds[2], streams[2]);
	while (r == 0 && !is_over(&s))
		r = serve(&s);
	return r < 0 ? r : s.wait_status;
}
