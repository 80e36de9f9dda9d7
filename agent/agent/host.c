#include "agent/agent/host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "common/buf.h"

/* The lines of /proc/cpuinfo that tell one CPU from another; clocks and numbers are not among them. */
static const char *const CPU_LINES[] = {"vendor_id", "cpu family", "model", "stepping",
					"microcode", "flags",      "bugs"};

static bool is_cpu_line(const char *line)
{
	for (size_t i = 0; i < sizeof(CPU_LINES) / sizeof(CPU_LINES[0]); i++)
		if (strncmp(line, CPU_LINES[i], strlen(CPU_LINES[i])) == 0)
			return true;
	return false;
}

/* The first CPU's: a machine whose CPUs differ would not run one guest on two of them either. */
static int add_cpu(struct buf *out)
{
	char line[8192];
	FILE *f = fopen("/proc/cpuinfo", "re");
	int r = f ? 0 : -errno;

	while (r == 0 && fgets(line, sizeof(line), f) && line[0] != '\n')
		if (is_cpu_line(line))
			r = buf_put(out, line, strlen(line));
	if (f)
		fclose(f);
	return r;
}

static int add_kernel(struct buf *out)
{
	struct utsname name;

	if (uname(&name) < 0)
		return -errno;
	int r = buf_put(out, name.release, strlen(name.release) + 1);

	return r < 0 ? r : buf_put(out, name.version, strlen(name.version) + 1);
}

int agent_host_microvm(const char *bin_dir, uint8_t ret_digest[DIGEST_BYTES])
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/ampoule-microvm", bin_dir); /* AGENT_FOLDER_MAX */
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return digest_fd(fd, ret_digest, NULL);
}

static int add_microvm(struct buf *out, const char *bin_dir)
{
	uint8_t digest[DIGEST_BYTES];
	int r = agent_host_microvm(bin_dir, digest);

	return r < 0 ? r : buf_put(out, digest, sizeof(digest));
}

int agent_host_digest(const char *bin_dir, uint8_t ret_digest[DIGEST_BYTES], struct err *err)
{
	cleanup_buf struct buf all = {0};
	int r = add_cpu(&all);

	if (r < 0)
		return err_set(err, r, "cannot read /proc/cpuinfo: %s", strerror(-r));
	r = add_kernel(&all);
	if (r == 0)
		r = add_microvm(&all, bin_dir);
	if (r < 0)
		return err_set(err, r, "cannot read %s/ampoule-microvm: %s", bin_dir, strerror(-r));
	r = digest_bytes(all.data, all.len, ret_digest);
	return r < 0 ? err_set(err, r, "cannot make a digest") : 0;
}
