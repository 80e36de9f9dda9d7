/* microvm-hostile: ampoule-microvm as it would be after it fell to its guest.
 *
 * It is the very program, in the very jail; only the entry into the guest is wrapped (-Wl,--wrap). At its
 * second entry the vCPU thread, which has served one exit by then, turns against the host instead. What it
 * tries is told by the micro-VM's id in the start message:
 *	hostile-NAME	that one attack (ATTACKS), under the seccomp filter; it does not return from most
 *	hostile-files	what can be tried through each descriptor without leaving the filter's table
 *	free		everything, with no seccomp filter on any thread: what the other walls hold
 *	anything else	as hostile-execve; this is what an agent starts
 * Each try is a line on the log, "hostile: NAME: refused errno=N" or "hostile: NAME: DONE"; then the
 * guest goes on. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "microvisor/jail/jail.h"
#include "microvisor/vm/control.h"
#include "microvisor/vm/log.h"
#include "microvisor/vm/vcpu.h"

static char chosen[MV_NAME_MAX];

static void tell(const char *name, long r)
{
	if (r < 0)
		mv_log(MV_LOG_WARN, "hostile: %s: refused errno=%d", name, errno);
	else
		mv_log(MV_LOG_WARN, "hostile: %s: DONE", name);
}

static long try_open(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static long try_list(void)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY);
	char entries[1024];

	/* "." and ".." alone: that is nothing. */
	errno = ENOENT;
	return fd < 0 || syscall(SYS_getdents64, fd, entries, sizeof(entries)) <= 48 ? -1 : 0;
}

static long try_proc(void)
{
	return open("/proc/self/mem", O_RDWR);
}

static long try_create(void)
{
	return open("/hostile-was-here", O_WRONLY | O_CREAT, 0600);
}

static long try_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static long try_connect(void)
{
	const struct sockaddr_in local = {
		.sin_family = AF_INET, .sin_port = htons(22), .sin_addr = {htonl(INADDR_LOOPBACK)}};

	return connect(socket(AF_INET, SOCK_STREAM, 0), (const struct sockaddr *)&local,
		       sizeof(local));
}

static long try_unix(void)
{
	const struct sockaddr_un agent = {.sun_family = AF_UNIX,
					  .sun_path = "/run/ampoule/agent.sock"};

	return connect(socket(AF_UNIX, SOCK_SEQPACKET, 0), (const struct sockaddr *)&agent,
		       sizeof(agent));
}

static long try_execve(void)
{
	static char name[] = "/bin/sh";
	char *const argv[] = {name, NULL};

	return execve(name, argv, NULL);
}

static long try_ptrace(void)
{
	return ptrace(PTRACE_ATTACH, getppid() ? getppid() : 2, NULL, NULL);
}

static long try_kill(void)
{
	return kill(-1, SIGKILL);
}

static long try_mount(void)
{
	return mount("proc", "/", "proc", 0, NULL);
}

static long try_unshare(void)
{
	return unshare(CLONE_NEWUSER);
}

static long try_root(void)
{
	return setresuid(0, 0, 0);
}

static long try_memory(void)
{
	char byte;
	const struct iovec here = {&byte, 1};
	const struct iovec there = {&byte, 1};

	/* Every number that a machine of tests would have given out, save those of its own threads. */
	for (int pid = 2; pid < 32768; pid++) {
		if (process_vm_readv(pid, &here, 1, &there, 1, 0) >= 0 &&
		    tgkill(getpid(), pid, 0) < 0)
			return 0;
	}
	errno = ESRCH;
	return -1;
}

static long try_priority(void)
{
	const struct rlimit more = {1 << 20, 1 << 20};

	return setrlimit(RLIMIT_NOFILE, &more);
}

static const struct {
	const char *name;
	long (*run)(void);
} ATTACKS[] = {
	{"open", try_open},       {"list", try_list},
	{"proc", try_proc},       {"create", try_create},
	{"connect", try_connect}, {"unix", try_unix},
	{"execve", try_execve},   {"ptrace", try_ptrace},
	{"kill", try_kill},       {"mount", try_mount},
	{"unshare", try_unshare}, {"root", try_root},
	{"memory", try_memory},   {"limit", try_priority},
	{"socket", try_socket}, /* the last: alone it harms nobody, and the free run leaves it out */
};

enum {
	ATTACKS_N = sizeof(ATTACKS) / sizeof(ATTACKS[0])
};

/* No RESOLVE flags, as only a hostile microvm would call it. */
static long open_by(int fd, const char *path, uint64_t flags)
{
	struct open_how how = {.flags = flags, .mode = flags & O_CREAT ? 0600 : 0};

	return syscall(SYS_openat2, fd, path, &how, sizeof(how));
}

/* Where it leads to the folder itself, as at the root of all, it leads nowhere. */
static long open_above(int fd)
{
	struct stat here;
	struct stat there;
	long above = open_by(fd, "..", O_PATH | O_DIRECTORY);

	if (above < 0 || fstat(fd, &here) < 0 || fstat((int)above, &there) < 0)
		return above;
	errno = ENOENT;
	return here.st_dev == there.st_dev && here.st_ino == there.st_ino ? -1 : 0;
}

static void try_tell(int fd, const char *what, long r)
{
	char name[64];

	snprintf(name, sizeof(name), "fd %d %s", fd, what);
	tell(name, r);
}

/* What the filter's table has, through a descriptor of a file or a folder. */
static void attack_by(int fd)
{
	try_tell(fd, "..", open_above(fd));
	try_tell(fd, "../../etc/passwd", open_by(fd, "../../../../../../etc/passwd", O_RDONLY));
	try_tell(fd, "/etc/passwd", open_by(fd, "/etc/passwd", O_RDONLY));
	try_tell(fd, "create", open_by(fd, "hostile-was-here", O_WRONLY | O_CREAT));
	try_tell(fd, "overwrite", open_by(fd, "note.txt", O_WRONLY));
	try_tell(fd, "truncate", open_by(fd, "note.txt", O_RDWR | O_TRUNC));
	try_tell(fd, "write", write(fd, "hostile", 7));
}

static void attack_freely_by(int fd)
{
	try_tell(fd, "ftruncate", ftruncate(fd, 0));
	try_tell(fd, "fchmod", fchmod(fd, 0777));
	try_tell(fd, "mkdir", mkdirat(fd, "hostile", 0700));
	try_tell(fd, "unlink", unlinkat(fd, "note.txt", 0));
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	try_tell(fd, "map", at == MAP_FAILED ? -1 : 0);
}

static void attack_files(bool freely)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++) {
		struct stat st;

		if (fstat(fd, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) ||
		    fd == STDERR_FILENO)
			continue;
		n++;
		attack_by(fd);
		if (freely)
			attack_freely_by(fd);
	}
	mv_log(MV_LOG_WARN, "hostile: files and folders tried: %d", n);
}

static void attack(void)
{
	const char *name = strncmp(chosen, "hostile-", 8) == 0 ? chosen + 8 : "execve";
	bool free = strcmp(chosen, "free") == 0;

	mv_log(MV_LOG_WARN, "hostile: turning against the host as %s", chosen);
	if (free || strcmp(name, "files") == 0)
		attack_files(free);
	for (unsigned i = 0; i < ATTACKS_N - (free ? 1 : 0); i++) {
		if (free || strcmp(name, ATTACKS[i].name) == 0)
			tell(ATTACKS[i].name, ATTACKS[i].run());
	}
	mv_log(MV_LOG_WARN, "hostile: nothing is left to try");
}

int __real_mv_vcpu_enter(struct mv_vcpu *vcpu);
int __wrap_mv_vcpu_enter(struct mv_vcpu *vcpu);
int __real_mv_seccomp_enter(enum mv_seccomp_thread thread);
int __wrap_mv_seccomp_enter(enum mv_seccomp_thread thread);
int __real_mv_control_receive_start(int socket, struct mv_start *start, int *fds);
int __wrap_mv_control_receive_start(int socket, struct mv_start *start, int *fds);

int __wrap_mv_vcpu_enter(struct mv_vcpu *vcpu)
{
	static unsigned entries;

	if (++entries == 2)
		attack();
	return __real_mv_vcpu_enter(vcpu);
}

int __wrap_mv_seccomp_enter(enum mv_seccomp_thread thread)
{
	return strcmp(chosen, "free") == 0 ? 0 : __real_mv_seccomp_enter(thread);
}

int __wrap_mv_control_receive_start(int socket, struct mv_start *start, int *fds)
{
	int r = __real_mv_control_receive_start(socket, start, fds);

	if (r >= 0)
		snprintf(chosen, sizeof(chosen), "%s", start->id);
	return r;
}
