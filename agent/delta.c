#include "agent/delta.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/rd.h"

/* Bits are read in pieces: a hostile bitmap costs no memory, and one that is a hole no time worth speaking of,
 * because no more of it is read than the original has blocks. */

enum {
	MAP_BYTES = 4096,
	COPY_BYTES = 1 << 17,
	MODE_BITS = 07777
};

_Static_assert(sizeof(struct mv_delta_header) == 72, "no padding between fields");

static struct mv_original read_original(struct rd *r)
{
	struct mv_original original;

	original.dev = rd_u64le(r);
	original.ino = rd_u64le(r);
	original.size = rd_u64le(r);
	original.mtime_ns = (int64_t)rd_u64le(r);
	original.ctime_ns = (int64_t)rd_u64le(r);
	return original;
}

static void parse(const uint8_t *bytes, struct mv_delta_header *out)
{
	struct rd r = rd_of(bytes, sizeof(*out));

	out->magic = rd_u32le(&r);
	out->mode = rd_u32le(&r);
	out->base_bytes = rd_u64le(&r);
	out->shown_ino = rd_u64le(&r);
	out->original = read_original(&r);
	out->checksum = rd_u64le(&r);
}

static bool is_sound(const struct agent_delta *d)
{
	const struct mv_delta_header *h = &d->header;

	if (h->magic != MV_DELTA_MAGIC || d->size > MV_DELTA_SIZE_MAX)
		return false;
	if (d->gone)
		return d->size == 0 && h->base_bytes == 0;
	if (!S_ISREG(h->mode) || (h->mode & ~(uint32_t)(S_IFMT | MODE_BITS)))
		return false;
	return h->base_bytes <= d->size && h->base_bytes <= h->original.size &&
	       (h->base_bytes == 0 || h->original.ino != 0);
}

static ssize_t read_at(int fd, void *bytes, size_t n, uint64_t at)
{
	ssize_t r;

	do
		r = pread(fd, bytes, n, (off_t)at);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

static int64_t ns_of(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

int agent_delta_init(struct agent_delta *delta, int fd)
{
	uint8_t bytes[sizeof(struct mv_delta_header)];
	struct agent_delta d = {.fd = fd};
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	ssize_t n = read_at(fd, bytes, sizeof(bytes), 0);

	if (n < 0)
		return (int)n;
	if (n != sizeof(bytes))
		return -EBADMSG;
	parse(bytes, &d.header);
	d.gone = d.header.mode == 0;
	/* The end of the header is the end of a file that is gone; any other has room for its bitmap. */
	if (!d.gone && st.st_size < MV_DELTA_DATA_AT)
		return -EBADMSG;
	d.size = d.gone ? (uint64_t)st.st_size - sizeof(bytes)
			: (uint64_t)st.st_size - MV_DELTA_DATA_AT;
	d.mtime_ns = ns_of(&st.st_mtim);
	if (!is_sound(&d) ||
	    d.header.checksum !=
		    mv_delta_checksum(bytes, offsetof(struct mv_delta_header, checksum)))
		return -EBADMSG;
	*delta = d;
	return 0;
}

/* The piece of the bitmap that has the bit of this block; what is behind its end is zeros. */
static int read_map(const struct agent_delta *delta, uint64_t block, uint8_t map[MAP_BYTES])
{
	uint64_t piece = block / 8 / MAP_BYTES * MAP_BYTES;
	ssize_t n = read_at(delta->fd, map, MAP_BYTES, MV_DELTA_BITMAP_AT + piece);

	if (n < 0)
		return (int)n;
	memset(map + n, 0, MAP_BYTES - (size_t)n);
	return 0;
}

static bool has_bit(const uint8_t map[MAP_BYTES], uint64_t block)
{
	uint64_t bit = block % (8 * MAP_BYTES);

	return map[bit / 8] >> (bit % 8) & 1;
}

int agent_delta_run(const struct agent_delta *delta, uint64_t at, struct agent_delta_run *ret_run)
{
	const struct mv_delta_header *h = &delta->header;
	uint8_t map[MAP_BYTES];
	uint64_t block = at / MV_DELTA_BLOCK;
	uint64_t end = at;

	if (at >= h->base_bytes) {
		*ret_run = (struct agent_delta_run){AGENT_DELTA_HERE, at,
						    at < delta->size ? delta->size - at : 0};
		return 0;
	}
	int r = read_map(delta, block, map);

	if (r < 0)
		return r;
	bool here = has_bit(map, block);

	do {
		block++;
		end = block * MV_DELTA_BLOCK;
		if (end < h->base_bytes && block % (8 * (uint64_t)MAP_BYTES) == 0)
			r = read_map(delta, block, map);
	} while (r == 0 && end < h->base_bytes && has_bit(map, block) == here);
	if (r < 0)
		return r;
	/* A block that is the delta's is so to its end; one of the original's only up to base_bytes. */
	uint64_t limit = here ? delta->size : h->base_bytes;

	*ret_run = (struct agent_delta_run){here ? AGENT_DELTA_HERE : AGENT_DELTA_BASE, at,
					    (end < limit ? end : limit) - at};
	return 0;
}

/* Whether the kernel may only not be able to copy between these two. */
static bool is_inability(int error)
{
	return error == EXDEV || error == EINVAL || error == EOPNOTSUPP || error == ENOSYS ||
	       error == EPERM || error == ETXTBSY;
}

static int copy_by_hand(int from, uint64_t from_at, int to, uint64_t to_at, uint64_t n)
{
	cleanup_free uint8_t *bytes = malloc(COPY_BYTES);

	if (!bytes)
		return -ENOMEM;
	while (n > 0) {
		ssize_t got = read_at(from, bytes, n < COPY_BYTES ? n : COPY_BYTES, from_at);

		if (got <= 0)
			return got < 0 ? (int)got : -ESTALE;
		for (ssize_t done = 0; done < got;) {
			ssize_t w =
				pwrite(to, bytes + done, (size_t)(got - done), (off_t)to_at + done);

			if (w < 0 && errno != EINTR)
				return -errno;
			done += w > 0 ? w : 0;
		}
		from_at += (uint64_t)got;
		to_at += (uint64_t)got;
		n -= (uint64_t)got;
	}
	return 0;
}

int agent_copy_range(int from, uint64_t from_at, int to, uint64_t to_at, uint64_t n)
{
	while (n > 0) {
		off_t in = (off_t)from_at;
		off_t out = (off_t)to_at;
		ssize_t done = copy_file_range(from, &in, to, &out, n, 0);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && !is_inability(errno))
			return -errno;
		/* Some file systems answer 0 for what they cannot do: reading tells the end for sure. */
		if (done <= 0)
			return copy_by_hand(from, from_at, to, to_at, n);
		from_at += (uint64_t)done;
		to_at += (uint64_t)done;
		n -= (uint64_t)done;
	}
	return 0;
}

/* What the delta has of the run; its holes stay holes. */
static int write_here(const struct agent_delta *delta, const struct agent_delta_run *run, int out)
{
	off_t at = (off_t)(MV_DELTA_DATA_AT + run->at);
	off_t end = at + (off_t)run->bytes;

	while (at < end) {
		off_t data = lseek(delta->fd, at, SEEK_DATA);

		if (data < 0)
			return errno == ENXIO ? 0 : -errno;
		off_t hole = lseek(delta->fd, data, SEEK_HOLE);

		if (hole < 0)
			return errno == ENXIO ? 0 : -errno;
		if (data >= end)
			return 0;
		if (hole > end)
			hole = end;
		int r = agent_copy_range(delta->fd, (uint64_t)data, out,
					 (uint64_t)data - MV_DELTA_DATA_AT,
					 (uint64_t)(hole - data));

		if (r < 0)
			return r;
		at = hole;
	}
	return 0;
}

int agent_delta_write(const struct agent_delta *delta, int base, int out)
{
	if (ftruncate(out, (off_t)delta->size) < 0)
		return -errno;
	for (uint64_t at = 0; at < delta->size;) {
		struct agent_delta_run run;
		int r = agent_delta_run(delta, at, &run);

		if (r < 0)
			return r;
		if (run.source == AGENT_DELTA_BASE)
			r = agent_copy_range(base, at, out, at, run.bytes);
		else
			r = write_here(delta, &run, out);
		if (r < 0)
			return r;
		at += run.bytes;
	}
	return 0;
}

bool agent_delta_is_original(const struct mv_original *noted, const struct stat *st)
{
	return noted->ino == st->st_ino && noted->dev == st->st_dev &&
	       noted->size == (uint64_t)st->st_size && noted->mtime_ns == ns_of(&st->st_mtim) &&
	       noted->ctime_ns == ns_of(&st->st_ctim);
}
