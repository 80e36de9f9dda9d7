#include "golden-image/init/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define VIEW_AT "/run/ampoule/view"

static int write_file(const char *path, const char *text, int flags)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0444);

	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, text, strlen(text));
	int r = n < 0 ? -errno : 0;

	close(fd);
	return r;
}

void setup_quiet(void)
{
	static const char *const settings[][2] = {
		{"/proc/sys/vm/stat_interval", "3600"},
		{"/proc/sys/vm/compaction_proactiveness", "0"},
		{"/proc/sys/vm/dirty_writeback_centisecs", "0"},
		{"/proc/sys/kernel/watchdog", "0"},
		{"/proc/sys/kernel/hung_task_timeout_secs", "0"},
		/* What the launch message brings is enough: no thread that asks for more every minute. */
		{"/sys/module/rng_core/parameters/current_quality", "0"},
		{"/sys/kernel/mm/transparent_hugepage/enabled", "never"},
		{"/sys/kernel/mm/transparent_hugepage/khugepaged/defrag", "0"},
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		(void)write_file(settings[i][0], settings[i][1], 0); /* absent in some kernels */
}

void setup_compact(void)
{
	(void)write_file("/proc/sys/vm/compact_memory", "1", 0); /* absent in some kernels */
}

int setup_loopback(struct fault *fault)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0) {
		int error = errno;

		if (fd >= 0)
			close(fd);
		return fault_set(fault, error, "bring up lo");
	}
	close(fd);
	return 0;
}

static int add_entropy(const uint8_t *bytes, struct fault *fault)
{
	/* struct rand_pool_info: entropy in bits, bytes, the bytes. */
	uint32_t pool[2 + MV_ENTROPY_BYTES / 4] = {8 * MV_ENTROPY_BYTES, MV_ENTROPY_BYTES};
	int fd = open("/dev/random", O_RDWR | O_CLOEXEC);

	memcpy(pool + 2, bytes, MV_ENTROPY_BYTES);
	if (fd < 0 || ioctl(fd, RNDADDENTROPY, pool) < 0 || ioctl(fd, RNDRESEEDCRNG) < 0) {
		int error = errno;

		if (fd >= 0)
			close(fd);
		return fault_set(fault, error, "add entropy");
	}
	close(fd);
	explicit_bzero(pool, sizeof(pool));
	return 0;
}

/* The kernel draws its boot id once and shows it for ever: a file of ours is mounted over it. */
static int set_boot_id(const uint8_t id[16])
{
	static const char at[] = "/proc/sys/kernel/random/boot_id";
	char text[40];

	snprintf(text, sizeof(text),
		 "%02x%02x%02x%02x-%02x%02x-4%01x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\n", id[0],
		 id[1], id[2], id[3], id[4], id[5], id[6] & 15, id[7], (id[8] & 0x3f) | 0x80, id[9],
		 id[10], id[11], id[12], id[13], id[14], id[15]);
	(void)mkdir("/run/ampoule", 0755); /* writing tells */
	int r = write_file("/run/ampoule/boot_id", text, O_CREAT | O_TRUNC);

	if (r == 0 && mount("/run/ampoule/boot_id", at, NULL, MS_BIND, NULL) < 0)
		r = -errno;
	return r;
}

static int set_machine_id(const uint8_t id[16])
{
	char text[2 * 16 + 2];

	for (size_t i = 0; i < 16; i++)
		snprintf(text + 2 * i, sizeof(text) - 2 * i, "%02x%s", id[i], i == 15 ? "\n" : "");
	return write_file("/etc/machine-id", text, O_CREAT | O_TRUNC);
}

/* Names that nobody else has, clones of the same template included: drawn after the entropy came. */
static int set_names(struct fault *fault)
{
	uint8_t random[16 + 16 + 4];
	char host[sizeof("ampoule-") + 8];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return fault_set(fault, EIO, "draw names");
	snprintf(host, sizeof(host), "ampoule-%02x%02x%02x%02x", random[32], random[33], random[34],
		 random[35]);
	if (sethostname(host, strlen(host)) < 0)
		return fault_set(fault, errno, "set the host name");
	int r = set_machine_id(random);

	if (r < 0)
		return fault_set(fault, -r, "write /etc/machine-id");
	r = set_boot_id(random + 16);
	return r < 0 ? fault_set(fault, -r, "set the boot id") : 0;
}

int setup_launch(const struct launch *launch, struct fault *fault)
{
	struct timespec now = {
		.tv_sec = (time_t)(launch->wall_clock_ns / 1000000000u),
		.tv_nsec = (long)(launch->wall_clock_ns % 1000000000u),
	};
	int r = add_entropy(launch->entropy, fault);

	if (r < 0)
		return r;
	if (clock_settime(CLOCK_REALTIME, &now) < 0)
		return fault_set(fault, errno, "set the clock");
	return set_names(fault);
}

static int bind_root(const char *root, struct fault *fault)
{
	char from[4096];

	if (snprintf(from, sizeof(from), VIEW_AT "%s", root) >= (int)sizeof(from))
		return fault_set(fault, ENAMETOOLONG, "view root");
	(void)mkdir(root, 0755); /* may exist in the image; mount() tells */
	if (mount(from, root, NULL, MS_BIND, NULL) < 0)
		return fault_set(fault, errno, "show the view at %s", root);
	return 0;
}

static int mount_view(void)
{
	(void)mkdir("/run/ampoule", 0755); /* mount() tells */
	(void)mkdir(VIEW_AT, 0755);
	return mount(MV_VIEW_TAG, VIEW_AT, "virtiofs", MS_NOSUID | MS_NODEV, NULL);
}

int setup_try_view(struct fault *fault)
{
	if (mount_view() < 0 || umount2(VIEW_AT, 0) < 0)
		return fault_set(fault, errno, "try the view");
	return 0;
}

int setup_view(const struct launch *launch, struct fault *fault)
{
	if (launch->mountc == 0)
		return 0;
	if (mount_view() < 0)
		return fault_set(fault, errno, "mount the view");
	for (unsigned i = 0; i < launch->mountc; i++) {
		int r = bind_root(launch->mounts[i], fault);

		if (r < 0)
			return r;
	}
	return 0;
}
