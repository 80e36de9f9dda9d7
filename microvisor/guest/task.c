#include "microvisor/guest/task.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "microvisor/guest/frames.h"
#include "microvisor/guest/stdio.h"

/* Main loop only, save the callbacks of the device: accept() reads is_launched on the vCPU thread, and
 * wake() only signals. Order at the end: EXIT arrives behind the last byte of output, since the device
 * takes packets in the guest's order; so what its ports hold then is all, and end() is called when the
 * stdio thread has written it. */

struct mv_task {
	struct mv_task_config config; /* its fds are the stdio's */
	size_t launch_sent;           /* frame header included */
	uint64_t signals;             /* bit n - 1: signal n waits to be sent */
	bool is_over;                 /* end() was called or waits for the output */
	bool has_told_end;
	enum mv_end end;
	uint32_t end_detail;
	int event_fd;
	atomic_bool is_launched; /* streams are accepted */
	struct mv_frames frames;
	struct mv_stdio stdio;
};

static void incident(void *context, const char *object)
{
	struct mv_task *t = context;

	mv_arbiter_incident(t->config.arbiter, MV_OP_WRITE, object, NULL);
}

/* vCPU thread, inside the exit that carries the request. */
static bool accept_port(void *context, unsigned port)
{
	struct mv_task *t = context;

	if (port == MV_PORT_CONTROL)
		return true;
	if (!atomic_load(&t->is_launched))
		return false;
	return mv_stdio_accepts(&t->stdio, port, t->config.exit);
}

static void wake_port(void *context, unsigned port)
{
	struct mv_task *t = context;

	if (port == MV_PORT_CONTROL)
		(void)eventfd_write(t->event_fd, 1); /* fails only when it is signalled already */
	else
		mv_stdio_wake(&t->stdio);
}

static const struct mv_vsock_ops vsock_ops = {
	.accept = accept_port,
	.wake = wake_port,
	.incident = incident,
};

struct mv_task *mv_task_new(const struct mv_task_config *config)
{
	struct mv_task *t = calloc(1, sizeof(*t));

	if (!t || config->launch_bytes > MV_FRAME_BYTES_MAX) {
		for (unsigned i = 0; i < 3; i++)
			if (config->fds[i] >= 0)
				close(config->fds[i]);
		free(t);
		return NULL;
	}
	t->config = *config;
	t->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int r = mv_stdio_init(&t->stdio, &t->config, t->event_fd);

	if (config->launch_bytes > 0)
		mv_stdio_open(&t->stdio);
	if (r < 0 || t->event_fd < 0) {
		mv_task_free(t);
		return NULL;
	}
	mv_vsock_serve(t->config.vsock, &vsock_ops, t);
	return t;
}

void mv_task_resume(struct mv_task *t, bool is_dax)
{
	t->frames.state = MV_FRAMES_READY;
	t->frames.is_dax = is_dax;
	t->config.ops->state(t->config.machine, MV_STATE_READY);
	mv_task_wake(t);
}

void mv_task_rehearse(struct mv_task *t)
{
	const uint32_t frame[] = {MV_FRAME_REHEARSE, 0};

	/* The first bytes for a guest that read all before it was parked: there is room. */
	(void)mv_vsock_write(t->config.vsock, MV_PORT_CONTROL, frame, sizeof(frame));
}

void mv_task_launch(struct mv_task *t, const void *launch, size_t n, const int fds[3])
{
	t->config.launch = launch;
	t->config.launch_bytes = n;
	memcpy(t->config.fds, fds, sizeof(t->config.fds));
	mv_stdio_open(&t->stdio);
}

void mv_task_wake(struct mv_task *t)
{
	(void)eventfd_write(t->event_fd, 1); /* as in wake_port() */
}

int mv_task_start(struct mv_task *t)
{
	return mv_stdio_start(&t->stdio);
}

void mv_task_free(struct mv_task *t)
{
	if (!t)
		return;
	mv_vsock_serve(t->config.vsock, NULL, NULL);
	if (!mv_stdio_release(&t->stdio))
		return;
	if (t->event_fd >= 0)
		close(t->event_fd);
	free(t);
}

int mv_task_fd(const struct mv_task *t)
{
	return t->event_fd;
}

static void tell_end(struct mv_task *t)
{
	if (t->has_told_end)
		return;
	t->has_told_end = true;
	t->config.ops->end(t->config.machine, t->end, t->end_detail);
}

/* The task is over: told when nothing of its output is left to be written. */
static void finish(struct mv_task *t, enum mv_end why, uint32_t detail)
{
	t->is_over = true;
	t->end = why;
	t->end_detail = detail;
	mv_stdio_finish(&t->stdio);
}

/* A guest that broke the protocol is ended at once, whoever still reads its output. */
static void give_up(struct mv_task *t, const char *object)
{
	incident(t, object);
	finish(t, MV_END_GUEST, 0);
	tell_end(t);
}

static void on_frame(struct mv_task *t, int type)
{
	if (type == MV_FRAME_READY)
		t->config.ops->state(t->config.machine, MV_STATE_READY);
	else if (type == MV_FRAME_STARTED)
		t->config.ops->state(t->config.machine, MV_STATE_RUNNING);
	else if (type == MV_FRAME_FAILED)
		finish(t, MV_END_NOT_STARTED, t->frames.error);
	else if (type == MV_FRAME_EXIT)
		finish(t, MV_END_TASK, t->frames.wait_status);
}

/* What the guest said so far: one store of it, so that a guest that talks without end cannot keep the
 * main loop here. */
static void hear(struct mv_task *t)
{
	for (size_t heard = 0; heard < MV_VSOCK_BUFFER && !t->is_over;) {
		size_t n;
		uint8_t *to = mv_frames_room(&t->frames, &n);

		n = mv_vsock_read(t->config.vsock, MV_PORT_CONTROL, to, n);
		if (n == 0)
			return;
		heard += n;
		int r = mv_frames_added(&t->frames, n);

		if (r < 0)
			give_up(t, "bad-control");
		else
			on_frame(t, r);
	}
	if (!t->is_over)
		(void)eventfd_write(t->event_fd, 1); /* there may be more */
}

/* The launch message, as far as there is room; the guest's credit paces it. */
static void send_launch(struct mv_task *t)
{
	const uint32_t header[] = {MV_FRAME_LAUNCH, (uint32_t)t->config.launch_bytes};
	size_t whole = sizeof(header) + t->config.launch_bytes;

	if (t->frames.state != MV_FRAMES_READY || t->config.launch_bytes == 0)
		return;
	/* Before the first byte: the guest may answer with a stream before the last one is noted here. */
	atomic_store(&t->is_launched, true);
	while (t->launch_sent < whole) {
		size_t at = t->launch_sent;
		bool in_header = at < sizeof(header);
		const uint8_t *launch = t->config.launch;
		size_t n = mv_vsock_write(t->config.vsock, MV_PORT_CONTROL,
					  in_header ? (const uint8_t *)header + at
						    : launch + (at - sizeof(header)),
					  in_header ? sizeof(header) - at : whole - at);

		if (n == 0)
			return;
		t->launch_sent += n;
	}
	t->frames.state = MV_FRAMES_LAUNCHED;
}

static void send_signals(struct mv_task *t)
{
	uint32_t frame[] = {MV_FRAME_SIGNAL, sizeof(uint32_t), 0};

	while (t->signals && t->frames.state == MV_FRAMES_RUNNING &&
	       mv_vsock_room(t->config.vsock, MV_PORT_CONTROL) >= sizeof(frame)) {
		unsigned bit = (unsigned)__builtin_ctzll(t->signals);

		frame[2] = bit + 1;
		(void)mv_vsock_write(t->config.vsock, MV_PORT_CONTROL, frame, sizeof(frame));
		t->signals &= ~(1ull << bit);
	}
}

void mv_task_handle(struct mv_task *t)
{
	eventfd_t count;

	(void)eventfd_read(t->event_fd, &count); /* nothing there: a call too many does no harm */
	mv_vsock_continue(t->config.vsock);
	/* Looked at before the bytes are read: those of an ended connection are all there by then. */
	bool has_ended = mv_vsock_ready(t->config.vsock, MV_PORT_CONTROL) & MV_VSOCK_ENDED;

	hear(t);
	if (has_ended && !t->is_over &&
	    !(mv_vsock_ready(t->config.vsock, MV_PORT_CONTROL) & MV_VSOCK_INPUT))
		give_up(t, "control-lost");
	if (!t->is_over) {
		send_launch(t);
		send_signals(t);
	}
	if (t->is_over && atomic_load(&t->stdio.is_done))
		tell_end(t);
}

int mv_task_signal(struct mv_task *t, unsigned signo)
{
	if (signo < 1 || signo > 64)
		return -EINVAL;
	t->signals |= 1ull << (signo - 1);
	send_signals(t);
	return 0;
}

bool mv_task_is_dax(const struct mv_task *t)
{
	return t->frames.is_dax;
}

const char *mv_task_failure(const struct mv_task *t)
{
	return t->frames.failure;
}
