#include "agent/agent/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a guest may use is the policy's; most of it is never touched, and what is not written is shared.
 * So not the sum of promises is held against the host, but what is left of it now. */

/* What a micro-VM takes in its first seconds, booted cold. */
static const uint64_t START_BYTES = UINT64_C(64) << 20;
/* Kept free for those that run, and the rest of the host: a sixteenth, at least this. */
static const uint64_t RESERVE_BYTES_MIN = UINT64_C(64) << 20;

/* The number behind `key` at the start of a line, or in a file of one number with key "". */
static int read_number(const char *path, const char *key, uint64_t *ret)
{
	cleanup_free char *line = NULL;
	size_t cap = 0;
	FILE *file = fopen(path, "re");
	int r = -ENOENT;

	if (!file)
		return -errno;
	while (r == -ENOENT && getline(&line, &cap, file) > 0) {
		char *end;
		const char *digits = line + strlen(key);

		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		*ret = strtoull(digits, &end, 10);
		r = end > digits ? 0 : -EBADMSG;
	}
	fclose(file);
	return r;
}

static int read_in(const char *folder, const char *name, const char *key, uint64_t *ret)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return read_number(path, key, ret);
}

static int refuse(const char *where, uint64_t left, uint64_t kept, struct err *err)
{
	return err_set(err, -ENOMEM,
		       "not enough memory for another micro-VM: %" PRIu64 " MiB left%s, %" PRIu64
		       " MiB are kept for those that run; end one with `ampoule stop ID`",
		       left >> 20, where, kept >> 20);
}

static int admit_to_host(const char *meminfo, struct err *err)
{
	uint64_t total_kib;
	uint64_t available_kib;

	if (read_number(meminfo, "MemTotal:", &total_kib) < 0 ||
	    read_number(meminfo, "MemAvailable:", &available_kib) < 0)
		return 0;
	uint64_t reserve = (total_kib << 10) / 16;
	uint64_t left = available_kib << 10;

	if (reserve < RESERVE_BYTES_MIN)
		reserve = RESERVE_BYTES_MIN;
	return left < reserve + START_BYTES ? refuse("", left, reserve, err) : 0;
}

/* A cgroup counts the files it read, which the kernel takes back: they are no memory in use. */
static int admit_to_cgroup(const char *folder, struct err *err)
{
	uint64_t max;
	uint64_t used;
	uint64_t files = 0;

	/* "max" is no number. */
	if (read_in(folder, "memory.max", "", &max) < 0 ||
	    read_in(folder, "memory.current", "", &used) < 0)
		return 0;
	(void)!read_in(folder, "memory.stat", "file ", &files); /* then they count as used */
	used -= files < used ? files : used;
	uint64_t left = used < max ? max - used : 0;

	return left < START_BYTES ? refuse(" in its cgroup", left, START_BYTES, err) : 0;
}

int agent_memory_admit(const char *meminfo, const char *cgroup, struct err *err)
{
	char above[PATH_MAX];
	int r = admit_to_host(meminfo, err);

	if (r < 0 || !cgroup[0])
		return r;
	r = admit_to_cgroup(cgroup, err);
	if (r < 0)
		return r;
	(void)snprintf(above, sizeof(above), "%s", cgroup);
	char *slash = strrchr(above, '/');

	if (!slash)
		return 0;
	*slash = '\0';
	return admit_to_cgroup(above, err);
}

int agent_memory_protect_self(void)
{
	static const char score[] = "-900";
	cleanup_fd int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, score, strlen(score)) < 0 ? -1 : 0;
}
