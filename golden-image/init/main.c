/* ampoule-init: PID 1 of a micro-VM's guest. Brings up the golden root, waits for one launch message,
 * runs one task, tells its end. It holds no secret and guards nothing: the guest is hostile to the
 * host by design, and all that binds the task is outside. Still it checks what the host sends, so that
 * a wrong message becomes an error on the user's terminal and not a dead guest. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "golden-image/init/boot.h"
#include "golden-image/init/host.h"
#include "golden-image/init/setup.h"
#include "golden-image/init/supervise.h"
#include "golden-image/init/task.h"
#include "golden-image/message/launch.h"

/* A message of 256 KiB and its pointers; there is one init in a guest. */
static struct frame_reader reader;
static struct launch launch;
static bool is_dax;

/* The kernel gives init the console, or nothing where there is none: 0, 1 and 2 become /dev/null, so
 * that no later descriptor takes their numbers. */
static void open_null(void)
{
	(void)mkdir("/dev", 0755);
	(void)mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3));
	int fd = open("/dev/null", O_RDWR);

	while (fd >= 0 && fd < 2)
		fd = dup(fd);
	if (fd > 2) {
		for (int i = 0; i < 3; i++)
			(void)dup2(fd, i);
		close(fd);
	}
}

/* A shell and a program from start to end, as a task is run. It says nothing when it cannot. */
static void try_task(void)
{
	static char shell[] = "/bin/sh", option[] = "-c", words[] = "/bin/true; read -r line";
	struct launch nothing = {.uid = 1000, .argv = {shell, option, words}, .cwd = "/"};
	struct fault fault = {0};
	struct task task;

	if (task_start(&nothing, &task, &fault) < 0)
		return;
	close(task.fds[0]); /* the end of its input */
	(void)waitpid(task.pid, NULL, 0);
	close(task.fds[1]);
	close(task.fds[2]);
}

/* A template does that before it parks: what it touches of kernel and golden root is then in the memory that every
 * clone shares. Then the kernel moves together what is in use: a clone writes to fewer pages when its allocations lie
 * together. */
static void prewarm(void)
{
	try_task();
	setup_compact();
}

static int tell_ready(int control, struct fault *fault)
{
	uint8_t frame[FRAME_SENT_MAX];
	int r = host_send(control, frame, frame_ready(frame, is_dax));

	return r < 0 ? fault_set(fault, -r, "report READY") : 0;
}

static int boot(int *ret_control, struct fault *fault)
{
	int r = boot_mounts(fault);

	if (r == 0)
		r = boot_modules(fault);
	if (r < 0)
		return r;
	/* As early as can be: from here on the host hears what goes wrong. */
	*ret_control = host_connect(MV_PORT_CONTROL);
	if (*ret_control < 0)
		return fault_set(fault, -*ret_control, "connect to the host");
	setup_quiet();
	r = boot_root(&is_dax, fault);
	if (r == 0)
		r = setup_loopback(fault);
	if (r < 0)
		return r;
	if (secure_getenv("ampoule_template"))
		prewarm();
	return tell_ready(*ret_control, fault);
}

/* A stream that the host refuses stays -1: the task finds its stdin empty or its output broken. */
static void connect_streams(int streams[3])
{
	static const unsigned ports[] = {MV_PORT_STDIN, MV_PORT_STDOUT, MV_PORT_STDERR};

	for (int i = 0; i < 3; i++) {
		streams[i] = host_connect(ports[i]);
		if (streams[i] < 0)
			streams[i] = -1;
	}
}

/* What a launch does, before there is one: the pages it needs are this clone's by then, and mapped. All of it is
 * done again with what comes; the host refuses the streams until then. */
static int rehearse(int control, struct fault *fault)
{
	struct launch nothing = {.uid = 1000};
	struct timespec now;
	int streams[3];

	if (getrandom(nothing.entropy, MV_ENTROPY_BYTES, 0) != MV_ENTROPY_BYTES ||
	    clock_gettime(CLOCK_REALTIME, &now) < 0)
		return fault_set(fault, errno, "rehearse");
	nothing.wall_clock_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	int r = setup_launch(&nothing, fault);

	if (r == 0)
		r = setup_try_view(fault);
	if (r < 0)
		return r;
	connect_streams(streams);
	for (int i = 0; i < 3; i++)
		if (streams[i] >= 0)
			close(streams[i]);
	for (int i = 0; i < 2; i++) /* the second has the pages that the first gave back */
		try_task();
	return tell_ready(control, fault);
}

static int receive_launch(int control, struct fault *fault)
{
	struct frame frame;
	int r;

	for (;;) {
		r = host_receive(control, &reader, &frame);
		if (r < 0)
			return fault_set(fault, -r, "wait for the launch message");
		if (frame.type != MV_FRAME_REHEARSE)
			break;
		frame_done(&reader);
		r = rehearse(control, fault);
		if (r < 0)
			return r;
	}
	if (frame.type != MV_FRAME_LAUNCH)
		return fault_set(fault, EBADMSG, "control frame %u", frame.type);
	r = launch_parse(frame.payload, frame.bytes, &launch, fault);
	/* The strings stay where they are until execve(); the reader goes on only after it. */
	return r;
}

static int run(int control, struct fault *fault)
{
	struct task task;
	int streams[3];
	uint8_t frame[FRAME_SENT_MAX];
	int r = receive_launch(control, fault);

	if (r == 0)
		r = setup_launch(&launch, fault);
	if (r == 0)
		r = setup_view(&launch, fault);
	if (r < 0)
		return r;
	int signals = supervise_signals();

	if (signals < 0)
		return fault_set(fault, -signals, "signalfd");
	connect_streams(streams);
	r = task_start(&launch, &task, fault);
	if (r < 0)
		return r;
	frame_done(&reader);
	r = host_send(control, frame, frame_started(frame));
	if (r < 0)
		return fault_set(fault, -r, "report STARTED");
	r = supervise(control, signals, &reader, &task, streams, fault);
	if (r < 0)
		return r;
	sync();
	/* Every byte of output was handed to the transport before this frame, which keeps their order. */
	int sent = host_send(control, frame, frame_exit(frame, (uint32_t)r));

	return sent < 0 ? fault_set(fault, -sent, "report EXIT") : 0;
}

int main(void)
{
	struct fault fault = {0};
	int control = -1;

	open_null();
	(void)signal(SIGPIPE, SIG_IGN);
	if (boot(&control, &fault) < 0 || run(control, &fault) < 0)
		host_give_up(control, &fault);
	host_farewell(control);
}
