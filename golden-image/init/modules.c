#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "golden-image/init/boot.h"

/* The list comes from the image's builder (modprobe --show-depends), so that order and names fit the
 * image's kernel; init knows neither. */

enum {
	MODULE_NAME_MAX = 128
};

int boot_mounts(struct fault *fault)
{
	static const struct {
		const char *type;
		const char *at;
	} mounts[] = {{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		(void)mkdir(mounts[i].at, 0755); /* may exist; mount() tells */
		/* EBUSY: the kernel mounted devtmpfs itself. */
		if (mount(mounts[i].type, mounts[i].at, mounts[i].type, MS_NOSUID, NULL) < 0 &&
		    errno != EBUSY)
			return fault_set(fault, errno, "mount %s", mounts[i].at);
	}
	return 0;
}

static int load(const char *name, struct fault *fault)
{
	char path[sizeof("/modules/") + MODULE_NAME_MAX];

	snprintf(path, sizeof(path), "/modules/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fault_set(fault, errno, "module %s", name);
	long r = syscall(SYS_finit_module, fd, "", 0);
	int error = errno;

	close(fd);
	(void)unlink(path); /* only to free its memory */
	/* EEXIST: built in or loaded. ENODEV: for hardware that is not there, a faster checksum say. */
	if (r < 0 && error != EEXIST && error != ENODEV)
		return fault_set(fault, error, "module %s", name);
	return 0;
}

int boot_modules(struct fault *fault)
{
	char line[MODULE_NAME_MAX];
	FILE *list = fopen("/modules/order", "re");

	if (!list)
		return fault_set(fault, errno, "/modules/order");
	int r = 0;

	while (r == 0 && fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = 0;
		if (line[0])
			r = load(line, fault);
	}
	fclose(list);
	return r;
}
