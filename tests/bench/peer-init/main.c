/* peer-init: PID 1 of the guests that our figures are held against: QEMU's, from the same kernel and root.
 *
 * Does for a peer what ampoule-init does for us, and nothing besides: modules, the golden root (with DAX
 * on a pmem disk, else a block device), an overlay, one warm-up run; then it says READY on the serial
 * port and executes each line it reads there, "PROGRAM ARG...", with the port as standard output. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum {
	WORDS_MAX = 16,
	WAIT_TRIES = 500,
	WAIT_US = 20000
};

static void load_modules(void)
{
	char name[128];
	FILE *list = fopen("/modules/order", "re");

	while (list && fgets(name, sizeof(name), list)) {
		char path[160];

		name[strcspn(name, "\n")] = '\0';
		snprintf(path, sizeof(path), "/modules/%s", name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		/* One that is built in, or has no hardware, is passed over: the mount tells. */
		(void)syscall(SYS_finit_module, fd, "", 0);
		close(fd);
		(void)unlink(path);
	}
	if (list)
		fclose(list);
}

/* Boot time is not measured here, so that looking again does no harm. */
static const char *wait_for_disk(void)
{
	for (int i = 0; i < WAIT_TRIES; i++) {
		if (access("/dev/pmem0", F_OK) == 0)
			return "/dev/pmem0";
		if (access("/dev/vda", F_OK) == 0)
			return "/dev/vda";
		usleep(WAIT_US);
	}
	return "";
}

static bool mount_root(void)
{
	const char *disk = wait_for_disk();
	const char *options = strstr(disk, "pmem") ? "dax=always" : NULL;

	(void)mkdir("/lower", 0755);
	(void)mkdir("/cow", 0755);
	(void)mkdir("/root", 0755);
	if (mount(disk, "/lower", "erofs", MS_RDONLY, options) < 0 ||
	    mount("tmpfs", "/cow", "tmpfs", 0, NULL) < 0 || mkdir("/cow/upper", 0755) < 0 ||
	    mkdir("/cow/work", 0755) < 0 ||
	    mount("overlay", "/root", "overlay", 0,
		  "lowerdir=/lower,upperdir=/cow/upper,workdir=/cow/work") < 0)
		return false;
	return chdir("/root") == 0 && mount(".", "/", NULL, MS_MOVE, NULL) == 0 &&
	       chroot(".") == 0 && chdir("/") == 0;
}

static void quiet(void)
{
	static const char *const settings[][2] = {
		{"/proc/sys/vm/stat_interval", "3600"},
		{"/proc/sys/vm/compaction_proactiveness", "0"},
		{"/proc/sys/vm/dirty_writeback_centisecs", "0"},
		{"/sys/kernel/mm/transparent_hugepage/enabled", "never"},
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int fd = open(settings[i][0], O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, settings[i][1], strlen(settings[i][1])) < 0)
			fprintf(stderr, "peer-init: no %s\n", settings[i][0]);
		close(fd);
	}
}

static void run(char *line, int out)
{
	static char *const env[] = {NULL};
	char *words[WORDS_MAX + 1] = {0};
	char *rest = line;
	size_t n = 0;

	while (n < WORDS_MAX && (words[n] = strsep(&rest, " \n")) && words[n][0])
		n++;
	words[n] = NULL;
	pid_t pid = n ? fork() : -1;

	if (pid == 0) {
		dup2(out, STDOUT_FILENO);
		execve(words[0], words, env);
		_exit(127);
	}
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
}

static int open_serial(void)
{
	struct termios t;
	int fd = open("/dev/ttyS0", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0 && tcgetattr(fd, &t) == 0) {
		cfmakeraw(&t);
		(void)tcsetattr(fd, TCSANOW, &t);
	}
	return fd;
}

static bool boot(void)
{
	(void)mkdir("/proc", 0755);
	(void)mkdir("/sys", 0755);
	(void)mkdir("/dev", 0755);
	if (mount("proc", "/proc", "proc", 0, NULL) < 0 ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL) < 0)
		return false;
	(void)mount("devtmpfs", "/dev", "devtmpfs", 0, NULL); /* the kernel may have */
	load_modules();
	quiet();
	return true;
}

int main(void)
{
	static char warm_up[] = "/bin/true";
	char line[1024];
	size_t n = 0;
	int serial = -1;

	if (boot())
		serial = open_serial();
	if (serial < 0 || !mount_root()) {
		dprintf(serial, "FAILED\n");
		(void)reboot(RB_POWER_OFF);
	}
	run(warm_up, serial);
	dprintf(serial, "READY\n");
	while (read(serial, line + n, 1) == 1) {
		if (line[n] != '\n' && n < sizeof(line) - 2) {
			n++;
			continue;
		}
		line[n] = '\0';
		n = 0;
		run(line, serial);
	}
	return 1;
}
