#include "microvisor/vm/snapshot.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "microvisor/delta.h"
#include "microvisor/vm/log.h"

static uint64_t checksum(const struct mv_snapshot *s)
{
	size_t at = offsetof(struct mv_snapshot, key);

	return mv_delta_checksum((const uint8_t *)s + at, sizeof(*s) - at);
}

void mv_snapshot_finish(struct mv_snapshot *s)
{
	s->magic = MV_SNAPSHOT_MAGIC;
	s->version = MV_SNAPSHOT_VERSION;
	s->bytes = sizeof(*s);
	s->checksum = checksum(s);
}

const char *mv_snapshot_find_fault(const struct mv_snapshot *s, const struct mv_snapshot_want *want)
{
	if (s->magic != MV_SNAPSHOT_MAGIC)
		return "not a template";
	if (s->version != MV_SNAPSHOT_VERSION || s->bytes != sizeof(*s))
		return "of another version";
	if (s->checksum != checksum(s))
		return "damaged";
	if (memcmp(s->key, want->key, sizeof(s->key)) != 0)
		return "of another image, shape, CPU, kernel or microvisor";
	if (s->ram_bytes != want->ram_bytes || s->root_bytes != want->root_bytes)
		return "of another size of memory or root";
	if (s->is_dax > 1 || !mv_state_is_sane(&s->cpu))
		return "out of range in one of its numbers";
	return NULL;
}

int mv_snapshot_read(int fd, const struct mv_snapshot_want *want, struct mv_snapshot *ret_snapshot)
{
	struct stat st;
	const char *fault;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size != (off_t)sizeof(*ret_snapshot)) {
		fault = "of a wrong length";
	} else {
		ssize_t n = pread(fd, ret_snapshot, sizeof(*ret_snapshot), 0);

		if (n < 0)
			return -errno;
		fault = n == (ssize_t)sizeof(*ret_snapshot)
				? mv_snapshot_find_fault(ret_snapshot, want)
				: "of a wrong length";
	}
	if (!fault)
		return 0;
	mv_log(MV_LOG_ERROR, "template: refused: it is %s", fault);
	return -EBADMSG;
}

int mv_snapshot_write(int fd, const struct mv_snapshot *s)
{
	ssize_t n = pwrite(fd, s, sizeof(*s), 0);

	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(*s) ? 0 : -ENOSPC;
}
