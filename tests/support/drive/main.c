/* microvm-drive: runs one program in one micro-VM, in the agent's place. For system tests, as root.
 *
 *	microvm-drive --kernel F --initrd F --root F [OPTION...] -- ARGV...
 *	--microvm F       the program to drive (build/debug/bin/ampoule-microvm)
 *	--memory MiB  --cmdline TEXT  --boot-limit MS  --lifetime MS  --uid N (of the task)
 *	--processes N     of the task at once (no limit)
 *	--file PATH=HOSTFILE  --folder PATH=HOSTFOLDER   shares; the path is where the guest sees it
 *	--store DIR       where changes go (made, left there);  --store-max BYTES  --whole-max BYTES
 *	--mount ROOT      a view root to mount, "/home"; each root of a share is mounted anyway
 *	--rule CLASS:VERDICT:PATTERN  --fallback CLASS=VERDICT   the policy (table.h); each share also
 *	                  gets an allow rule behind these
 *	--replace WORDS   on SIGUSR1: put a policy in force that has this rule in front of the others
 *	--template DIR    no task: boot, park, save DIR/memory and DIR/state
 *	--clone DIR       run the task in a clone of that; kernel and initramfs are not needed
 *	--key TEXT        of the template; a clone must have the same
 *	--stop-after MS   MV_MSG_STOP;  --jail-uid N of the microvm (2000000000)
 * SIGTERM and SIGINT are passed to the task. States, events and the end go to stderr, a line each, in
 * front of them "drive: ". Exit: the task's, 128 + signal, or 125 when the micro-VM ended otherwise. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/boot.h"
#include "microvisor/microvisor.h"
#include "tests/support/drive/launch.h"
#include "tests/support/drive/table.h"

enum {
	FDS_MAX = MV_FD_FIXED + MV_SHARES_MAX + 1,
	ROOTS_MAX = 8,
	EXIT_DRIVE = 125
};

struct drive {
	struct mv_start start;
	int fds[FDS_MAX];
	struct table table;
	const char *replace;
	const char *store;
	const char *microvm;
	char *mounts[ROOTS_MAX + 1];
	unsigned mount_count;
	uint32_t uid;
	uint32_t processes;
	uid_t jail_uid;
	long stop_after_ms;
	int kernel, initrd;
	char cmdline[1024];
	int control;
};

static int open_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		err(EXIT_DRIVE, "%s", path);
	return fd;
}

static void add_mount(struct drive *d, const char *path)
{
	size_t n = 1 + strcspn(path + 1, "/");
	char *root = strndup(path, n);

	for (unsigned i = 0; i < d->mount_count; i++) {
		if (strcmp(d->mounts[i], root) == 0) {
			free(root);
			return;
		}
	}
	if (d->mount_count == ROOTS_MAX)
		errx(2, "too many view roots");
	d->mounts[d->mount_count++] = root;
}

/* "PATH=HOST" */
static void add_share(struct drive *d, enum mv_share_kind kind, const char *words)
{
	size_t n = strcspn(words, "=");
	char rule[MV_PATH_MAX + 16];

	if (!words[n] || n >= MV_PATH_MAX || d->start.share_count == MV_SHARES_MAX)
		errx(2, "not PATH=HOST, or too many: %s", words);
	struct mv_share *s = &d->start.shares[d->start.share_count];

	s->kind = kind;
	s->path_bytes = (uint32_t)n;
	memcpy(s->path, words, n);
	d->fds[MV_FD_FIXED + d->start.share_count++] =
		kind == MV_SHARE_FILE ? open_file(words + n + 1, O_RDONLY)
				      : launch_clone_folder(words + n + 1, false);
	snprintf(rule, sizeof(rule), "file:allow:%s%s", s->path,
		 kind == MV_SHARE_FOLDER ? "/" : "");
	table_rule(&d->table, rule);
	add_mount(d, s->path);
}

/* One table for every option: {name, number}; the number is the case below. */
static const struct option OPTIONS[] = {
	{"kernel", 1, NULL, 'k'},     {"initrd", 1, NULL, 'i'},    {"root", 1, NULL, 'r'},
	{"memory", 1, NULL, 'm'},     {"cmdline", 1, NULL, 'c'},   {"boot-limit", 1, NULL, 'b'},
	{"lifetime", 1, NULL, 'l'},   {"uid", 1, NULL, 'u'},       {"file", 1, NULL, 'F'},
	{"folder", 1, NULL, 'D'},     {"mount", 1, NULL, 'M'},     {"rule", 1, NULL, 'R'},
	{"fallback", 1, NULL, 'B'},   {"replace", 1, NULL, 'P'},   {"microvm", 1, NULL, 'x'},
	{"stop-after", 1, NULL, 's'}, {"jail-uid", 1, NULL, 'j'},  {"id", 1, NULL, 'I'},
	{"template", 1, NULL, 'T'},   {"clone", 1, NULL, 'C'},     {"key", 1, NULL, 'K'},
	{"store", 1, NULL, 'S'},      {"store-max", 1, NULL, 'X'}, {"whole-max", 1, NULL, 'W'},
	{"processes", 1, NULL, 'p'},  {NULL, 0, NULL, 0}};

static void open_template(struct drive *d, const char *folder)
{
	d->start.kind = MV_KIND_TEMPLATE;
	d->fds[MV_FD_MEMORY] = launch_open_in(folder, "memory", O_RDWR | O_CREAT | O_TRUNC);
	d->fds[MV_FD_STATE] = launch_open_in(folder, "state", O_RDWR | O_CREAT | O_TRUNC);
}

static void set_number(struct drive *d, int option, unsigned long v)
{
	switch (option) {
	case 'm':
		d->start.memory_bytes = v << 20;
		break;
	case 'b':
		d->start.boot_limit_ms = v;
		break;
	case 'l':
		d->start.lifetime_ms = v;
		break;
	case 'u':
		d->uid = (uint32_t)v;
		break;
	case 'p':
		d->processes = (uint32_t)v;
		break;
	case 's':
		d->stop_after_ms = (long)v;
		break;
	case 'X':
		d->start.store_bytes_max = v;
		break;
	case 'W':
		d->start.whole_bytes_max = v;
		break;
	case 'j':
		d->jail_uid = (uid_t)v;
		break;
	}
}

static void set_option(struct drive *d, int option, char *value)
{
	switch (option) {
	case 'k':
		d->kernel = open_file(value, O_RDONLY);
		break;
	case 'i':
		d->initrd = open_file(value, O_RDONLY);
		break;
	case 'r':
		d->fds[MV_FD_ROOT] = open_file(value, O_RDONLY);
		break;
	case 'c':
		snprintf(d->cmdline, sizeof(d->cmdline), "%s", value);
		break;
	case 'F':
		add_share(d, MV_SHARE_FILE, value);
		break;
	case 'D':
		add_share(d, MV_SHARE_FOLDER, value);
		break;
	case 'M':
		add_mount(d, value);
		break;
	case 'R':
		table_rule(&d->table, value);
		break;
	case 'B':
		table_fallback(&d->table, value);
		break;
	case 'P':
		d->replace = value;
		break;
	case 'x':
		d->microvm = value;
		break;
	case 'I':
		snprintf(d->start.id, sizeof(d->start.id), "%s", value);
		break;
	case 'T':
		open_template(d, value);
		break;
	case 'C':
		d->start.kind = MV_KIND_CLONE;
		d->fds[MV_FD_MEMORY] = launch_open_in(value, "memory", O_RDONLY);
		d->fds[MV_FD_STATE] = launch_open_in(value, "state", O_RDONLY);
		break;
	case 'S':
		d->store = value;
		break;
	case 'K':
		memcpy(d->start.key, value, strnlen(value, sizeof(d->start.key)));
		break;
	case '?':
		exit(2);
	default:
		set_number(d, option, strtoul(value, NULL, 0));
	}
}

static void parse(struct drive *d, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "+", OPTIONS, NULL)) >= 0)
		set_option(d, option, optarg);
	bool has_kernel = d->kernel >= 0 && d->initrd >= 0;

	if ((optind == argc && d->start.kind != MV_KIND_TEMPLATE) ||
	    (!has_kernel && d->start.kind != MV_KIND_CLONE) || d->fds[MV_FD_ROOT] < 0)
		errx(2,
		     "usage: microvm-drive --kernel F --initrd F --root F [OPTION...] -- ARGV...");
}

/* Kernel and initramfs into the memory that the guest begins with. */
static void lay_out(struct drive *d)
{
	struct err why = {0};

	if (d->start.kind == MV_KIND_COLD) {
		d->fds[MV_FD_MEMORY] = memfd_create("memory", MFD_CLOEXEC);
		d->fds[MV_FD_STATE] = memfd_create("state", MFD_CLOEXEC);
	}
	if (agent_boot_fill(d->fds[MV_FD_MEMORY], d->start.memory_bytes, d->kernel, d->initrd,
			    d->cmdline, &why) < 0)
		errx(EXIT_DRIVE, "%s", why.text);
}

static void send_start(struct drive *d, char *const *argv)
{
	bool has_task = d->start.kind != MV_KIND_TEMPLATE;
	unsigned count = has_task ? MV_FD_FIXED + d->start.share_count : MV_FD_TEMPLATE_COUNT;

	if (d->store) {
		if (!d->start.store_bytes_max)
			d->start.store_bytes_max = 1 << 30;
		d->fds[count++] = launch_make_store(d->store, d->jail_uid);
	}
	_Alignas(struct cmsghdr) char space[CMSG_SPACE(sizeof(int) * FDS_MAX)] = {0};
	struct iovec v = {.iov_base = &d->start, .iov_len = sizeof(d->start)};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = space,
			   .msg_controllen = CMSG_SPACE(sizeof(int) * count)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	size_t n;
	void *bytes = table_build(&d->table, &n);

	d->fds[MV_FD_POLICY] = launch_seal("policy", bytes, n);
	free(bytes);
	if (has_task) {
		bytes = launch_message(argv, d->mounts, d->uid, d->processes, &n);
		d->fds[MV_FD_LAUNCH] = launch_seal("launch", bytes, n);
		free(bytes);
	} else {
		strncat(d->cmdline, " ampoule_template=1",
			sizeof(d->cmdline) - strlen(d->cmdline) - 1);
	}
	if (d->start.kind != MV_KIND_CLONE)
		lay_out(d);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * count);
	memcpy(CMSG_DATA(c), d->fds, sizeof(int) * count);
	if (sendmsg(d->control, &m, MSG_NOSIGNAL) != (ssize_t)sizeof(d->start))
		err(EXIT_DRIVE, "cannot send the start message");
}

static void send_msg(struct drive *d, uint32_t type, uint32_t value)
{
	struct mv_msg msg = {.type = type, .value = value};

	if (send(d->control, &msg, sizeof(msg), MSG_NOSIGNAL) < 0)
		warn("cannot send message %u", type);
}

/* The same policy with one more rule in front, under the next serial. */
static void send_policy(struct drive *d)
{
	struct mv_msg msg = {.type = MV_MSG_POLICY};
	_Alignas(struct cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec v = {.iov_base = &msg, .iov_len = sizeof(msg)};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = space,
			   .msg_controllen = sizeof(space)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	static struct table next;
	size_t n;

	table_init(&next);
	if (d->replace)
		table_rule(&next, d->replace);
	memcpy(next.fallback, d->table.fallback, sizeof(next.fallback));
	for (unsigned i = 0; i < d->table.count && next.count < TABLE_RULES_MAX; i++)
		next.rules[next.count++] = d->table.rules[i];
	next.serial = ++d->table.serial;
	void *bytes = table_build(&next, &n);
	int fd = launch_seal("policy", bytes, n);

	free(bytes);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(d->control, &m, MSG_NOSIGNAL) < 0)
		warn("cannot send the policy");
	close(fd);
}

static void print_event(const struct mv_event *e)
{
	fprintf(stderr,
		"drive: event class=%u op=%u verdict=%u audit=%u rule=%s serial=%llu exit=%u "
		"rip=0x%llx count=%llu dropped=%llu uid=%u pid=%u object=%.*s\n",
		e->class, e->op, e->verdict, e->audit, e->rule, (unsigned long long)e->serial,
		e->exit_reason, (unsigned long long)e->guest_rip, (unsigned long long)e->count,
		(unsigned long long)e->dropped, e->claimed_uid, e->claimed_pid,
		(int)e->object_bytes, e->object);
}

static uint64_t elapsed_ms(void)
{
	static uint64_t begin;
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	uint64_t now = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;

	if (!begin)
		begin = now;
	return now - begin;
}

static int status_of(const struct mv_msg *msg)
{
	if (msg->value == MV_END_PARKED)
		return 0;
	if (msg->value != MV_END_TASK)
		return EXIT_DRIVE;
	int status = (int)msg->detail;

	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* One message of the microvm; true when it was the last, with the exit status. */
static bool receive(struct drive *d, int *ret_status)
{
	union {
		struct mv_msg msg;
		struct mv_event event;
	} u = {0};
	ssize_t n = recv(d->control, &u, sizeof(u), 0);

	if (n == (ssize_t)sizeof(u.event) && u.msg.type == MV_MSG_EVENT) {
		print_event(&u.event);
		return false;
	}
	if (n != (ssize_t)sizeof(u.msg)) {
		fprintf(stderr, "drive: gone without a word\n");
		*ret_status = EXIT_DRIVE;
		return true;
	}
	unsigned long long ms = elapsed_ms();

	if (u.msg.type == MV_MSG_STATE)
		fprintf(stderr, "drive: state %u ms=%llu\n", u.msg.value, ms);
	if (u.msg.type == MV_MSG_APPLIED)
		fprintf(stderr, "drive: applied serial=%llu detail=%u\n",
			(unsigned long long)u.msg.serial, u.msg.detail);
	if (u.msg.type != MV_MSG_EXIT)
		return false;
	fprintf(stderr, "drive: exit why=%u detail=%u ms=%llu\n", u.msg.value, u.msg.detail, ms);
	*ret_status = status_of(&u.msg);
	return true;
}

static void on_signal(struct drive *d, int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGUSR1)
		send_policy(d);
	else
		send_msg(d, MV_MSG_SIGNAL, info.ssi_signo);
}

static int serve(struct drive *d, int signals)
{
	struct pollfd fds[] = {{.fd = d->control, .events = POLLIN},
			       {.fd = signals, .events = POLLIN}};
	int status = EXIT_DRIVE;

	for (;;) {
		long left = -1;

		if (d->stop_after_ms >= 0)
			left = d->stop_after_ms - (long)elapsed_ms();
		if (d->stop_after_ms >= 0 && left <= 0) {
			send_msg(d, MV_MSG_STOP, 0);
			d->stop_after_ms = left = -1;
		}
		if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
			err(EXIT_DRIVE, "poll");
		if (fds[1].revents)
			on_signal(d, signals);
		if (fds[0].revents && receive(d, &status))
			return status;
	}
}

static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
	static struct drive d = {.start =
					 {
						 .type = MV_MSG_START,
						 .version = MV_API_VERSION,
						 .vcpus = 1,
						 .memory_bytes = 256 << 20,
						 .boot_limit_ms = 60000,
						 .id = "drive",
					 },
				 .kernel = -1,
				 .initrd = -1,
				 .cmdline = "console=ttyS0 quiet panic=-1 pci=off",
				 .microvm = "build/debug/bin/ampoule-microvm",
				 .uid = 1000,
				 .jail_uid = 2000000000,
				 .stop_after_ms = -1};
	int pair[2];
	int status;

	for (unsigned i = 0; i < FDS_MAX; i++)
		d.fds[i] = -1;
	table_init(&d.table);
	parse(&d, argc, argv);
	d.fds[MV_FD_KVM] = open_file("/dev/kvm", O_RDWR);
	for (int i = 0; i < 3; i++)
		d.fds[MV_FD_STDIN + i] = dup(i);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		err(EXIT_DRIVE, "socketpair");
	(void)elapsed_ms();
	pid_t pid = launch_microvm(d.microvm, d.jail_uid, pair[1]);
	int signals = block_signals();

	close(pair[1]);
	d.control = pair[0];
	send_start(&d, argv + optind);
	status = serve(&d, signals);
	int wait_status = 0;

	if (waitpid(pid, &wait_status, 0) != pid)
		warn("waitpid");
	if (WIFSIGNALED(wait_status))
		fprintf(stderr, "drive: killed by signal %d\n", WTERMSIG(wait_status));
	return status;
}
