#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "golden-image/init/boot.h"

/* /lower is the golden image, /cow the tmpfs with what this micro-VM changes, /newroot their overlay. */

enum {
	PMEM_WAIT_MS = 10000
};

/* Waits by event: the node is made by the kernel's own devtmpfs thread, some time after the driver. */
static int wait_for_pmem(struct fault *fault)
{
	int fd = inotify_init1(IN_CLOEXEC);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char events[4096];
	struct stat st;
	int r = 0;

	if (fd < 0 || inotify_add_watch(fd, "/dev", IN_CREATE) < 0)
		r = fault_set(fault, errno, "watch /dev");
	while (r == 0 && stat("/dev/pmem0", &st) < 0) {
		/* Each event starts the limit anew; /dev of a micro-VM has few of them. */
		int n = poll(&p, 1, PMEM_WAIT_MS);

		if (n == 0)
			r = fault_set(fault, ETIMEDOUT, "/dev/pmem0");
		else if (n < 0 || read(fd, events, sizeof(events)) < 0)
			r = fault_set(fault, errno, "watch /dev");
	}
	close(fd);
	return r;
}

/* EROFS turns DAX off without failing when the device or the block size does not fit. */
static bool is_mounted_with_dax(const char *at)
{
	char line[1024];
	char want[64];
	bool found = false;
	FILE *mounts = fopen("/proc/mounts", "re");

	snprintf(want, sizeof(want), " %s ", at);
	while (mounts && !found && fgets(line, sizeof(line), mounts))
		found = strstr(line, want) && strstr(line, "dax=always");
	if (mounts)
		fclose(mounts);
	return found;
}

static int mount_golden(bool *ret_dax, struct fault *fault)
{
	if (mount("/dev/pmem0", "/lower", "erofs", MS_RDONLY, "dax=always") < 0)
		return fault_set(fault, errno, "mount the golden root");
	*ret_dax = is_mounted_with_dax("/lower");
	if (mount("tmpfs", "/cow", "tmpfs", 0, "size=50%,mode=0755") < 0 ||
	    mkdir("/cow/upper", 0755) < 0 || mkdir("/cow/work", 0755) < 0)
		return fault_set(fault, errno, "mount the layer of changes");
	if (mount("overlay", "/newroot", "overlay", 0,
		  "lowerdir=/lower,upperdir=/cow/upper,workdir=/cow/work") < 0)
		return fault_set(fault, errno, "mount the overlay");
	return 0;
}

/* A /dev of its own: the devices a program expects, none of the machine's. */
static int fill_dev(struct fault *fault)
{
	static const struct {
		const char *name;
		mode_t mode;
		unsigned major, minor;
	} nodes[] = {
		{"null", 0666, 1, 3},   {"zero", 0666, 1, 5},    {"full", 0666, 1, 7},
		{"random", 0666, 1, 8}, {"urandom", 0666, 1, 9}, {"tty", 0666, 5, 0},
	};
	static const char *const links[][2] = {
		{"/proc/self/fd", "dev/fd"},       {"/proc/self/fd/0", "dev/stdin"},
		{"/proc/self/fd/1", "dev/stdout"}, {"/proc/self/fd/2", "dev/stderr"},
		{"pts/ptmx", "dev/ptmx"},
	};
	char path[64];

	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		snprintf(path, sizeof(path), "dev/%s", nodes[i].name);
		if (mknod(path, S_IFCHR, makedev(nodes[i].major, nodes[i].minor)) < 0 ||
		    chmod(path, nodes[i].mode) < 0)
			return fault_set(fault, errno, "make /dev/%s", nodes[i].name);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlink(links[i][0], links[i][1]) < 0)
			return fault_set(fault, errno, "make /%s", links[i][1]);
	return 0;
}

/* In the new root, which is the working folder. */
static int mount_fresh(struct fault *fault)
{
	static const struct {
		const char *type;
		const char *at;
		unsigned long flags;
		const char *options;
	} mounts[] = {
		{"proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
		{"sysfs", "sys", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL},
		{"tmpfs", "dev", MS_NOSUID, "size=64k,mode=0755"},
		{"devpts", "dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"},
		{"tmpfs", "dev/shm", MS_NOSUID | MS_NODEV, "size=50%,mode=1777"},
		{"tmpfs", "tmp", MS_NOSUID | MS_NODEV, "size=50%,mode=1777"},
		{"tmpfs", "run", MS_NOSUID | MS_NODEV, "size=16m,mode=0755"},
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		(void)mkdir(mounts[i].at, 0755); /* may exist; mount() tells */
		if (mount(mounts[i].type, mounts[i].at, mounts[i].type, mounts[i].flags,
			  mounts[i].options) < 0)
			return fault_set(fault, errno, "mount /%s", mounts[i].at);
	}
	return fill_dev(fault);
}

int boot_root(bool *ret_dax, struct fault *fault)
{
	int r = wait_for_pmem(fault);

	if (r < 0)
		return r;
	(void)mkdir("/lower", 0755); /* in the initramfs, which is ours alone; mount() tells */
	(void)mkdir("/cow", 0755);
	(void)mkdir("/newroot", 0755);
	r = mount_golden(ret_dax, fault);
	if (r < 0)
		return r;
	if (chdir("/newroot") < 0)
		return fault_set(fault, errno, "enter the new root");
	r = mount_fresh(fault);
	if (r < 0)
		return r;
	/* The old root stays underneath, out of reach; it holds little more than this program. */
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return fault_set(fault, errno, "switch to the new root");
	return 0;
}
