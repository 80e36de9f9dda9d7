#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "microvisor/view/tree.h"

/* Open files: what is read from the original and what from the store, block by block (delta.h). Data is written
 * before its bit, a cut of base_bytes before the end it stands for, and a file is placed in the tree when it is
 * whole, so that a kill at any point leaves a file as it was before or after. */

/* The bytes read, fewer only at the end of the file. */
static ssize_t read_at(int fd, void *bytes, size_t n, uint64_t at)
{
	size_t done = 0;

	while (done < n && at + done <= INT64_MAX) {
		ssize_t r = pread(fd, (uint8_t *)bytes + done, n - done, (off_t)(at + done));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return done ? (ssize_t)done : errno == EINVAL ? -EINVAL : -EIO;
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

static int write_at(int fd, const void *bytes, size_t n, uint64_t at)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = pwrite(fd, (const uint8_t *)bytes + done, n - done, (off_t)(at + done));

		if (r < 0 && errno != EINTR)
			return -errno;
		done += r > 0 ? (size_t)r : 0;
	}
	return 0;
}

/* Whether the block at p is the original's, as far as base_bytes go. */
static bool shows_base(const struct mv_file *f, uint64_t p)
{
	uint64_t block = p / MV_DELTA_BLOCK;
	uint8_t bits = 0;

	if (p >= f->header.base_bytes)
		return false;
	/* One that cannot be read shows the original, as one that was not written does. */
	(void)read_at(f->fd, &bits, 1, MV_DELTA_BITMAP_AT + block / 8);
	return !(bits >> block % 8 & 1);
}

int mv_file_read(struct mv_file *f, void *bytes, size_t n, uint64_t at)
{
	if (f->fd < 0)
		return (int)read_at(f->base, bytes, n, at);
	if (at >= f->size)
		return 0;
	n = n < f->size - at ? n : (size_t)(f->size - at);
	for (size_t done = 0; done < n;) {
		uint64_t p = at + done;
		size_t run = n - done;
		bool base = shows_base(f, p);
		size_t left = MV_DELTA_BLOCK - p % MV_DELTA_BLOCK;

		/* Behind the original's bytes all is of one kind. */
		if (p < f->header.base_bytes && run > left)
			run = left;
		if (base && run > f->header.base_bytes - p)
			run = (size_t)(f->header.base_bytes - p);
		ssize_t r = read_at(base ? f->base : f->fd, (uint8_t *)bytes + done, run,
				    p + (base ? 0 : MV_DELTA_DATA_AT));

		if (r < 0)
			return (int)r;
		/* Behind the end of an original that the host has cut meanwhile there are zeros. */
		memset((uint8_t *)bytes + done + r, 0, run - (size_t)r);
		done += run;
	}
	return (int)n;
}

/* Takes the block of byte p over, when it is still the original's. */
static int fill(struct mv_file *f, uint64_t p)
{
	uint64_t start = p / MV_DELTA_BLOCK * MV_DELTA_BLOCK;
	uint8_t block[MV_DELTA_BLOCK];

	if (!shows_base(f, start))
		return 0;
	int n = mv_file_read(f, block, sizeof(block), start);

	return n < 0 ? n : write_at(f->fd, block, (size_t)n, MV_DELTA_DATA_AT + start);
}

static int set_bits(struct mv_file *f, uint64_t at, uint64_t end)
{
	int r = 0;

	for (uint64_t b = at / MV_DELTA_BLOCK; r == 0 && b * MV_DELTA_BLOCK < end; b++) {
		uint8_t bits = 0;

		(void)read_at(f->fd, &bits, 1, MV_DELTA_BITMAP_AT + b / 8);
		bits |= (uint8_t)(1 << b % 8);
		r = write_at(f->fd, &bits, 1, MV_DELTA_BITMAP_AT + b / 8);
	}
	return r;
}

/* Its length and what it takes, as the file system says. */
static void count(struct mv_view *view, struct mv_file *f)
{
	struct stat st;

	if (fstat(f->fd, &st) < 0)
		return;
	uint64_t bytes = (uint64_t)st.st_blocks * 512;

	f->size = st.st_size > MV_DELTA_DATA_AT ? (uint64_t)st.st_size - MV_DELTA_DATA_AT : 0;
	view->used += bytes;
	view->used -= f->bytes < view->used ? f->bytes : view->used;
	f->bytes = bytes;
}

int mv_file_write(struct mv_view *view, struct mv_node *node, const void *bytes, size_t n,
		  uint64_t at)
{
	struct mv_file *f = mv_file_of(view, node);
	int r = mv_file_change(view, node, UINT64_MAX);
	bool in_base = at < f->header.base_bytes;
	uint64_t end = at + n;

	if (r < 0)
		return r;
	if (at > MV_DELTA_SIZE_MAX - n)
		return -EFBIG;
	if (view->used + n > view->used_max)
		return -ENOSPC;
	if (in_base && at % MV_DELTA_BLOCK)
		r = fill(f, at);
	if (in_base && r == 0 && end % MV_DELTA_BLOCK)
		r = fill(f, end);
	if (r == 0)
		r = write_at(f->fd, bytes, n, MV_DELTA_DATA_AT + at);
	if (in_base && r == 0)
		r = set_bits(f, at, end);
	count(view, f);
	return r;
}

int mv_file_truncate(struct mv_view *view, struct mv_node *node, uint64_t size)
{
	struct mv_file *f = mv_file_of(view, node);
	int r = mv_file_change(view, node, size);

	if (r < 0)
		return r;
	if (size > MV_DELTA_SIZE_MAX)
		return -EFBIG;
	if (size < f->header.base_bytes) {
		f->header.base_bytes = size;
		r = mv_store_put_header(f->fd, &f->header);
	}
	if (r == 0 && ftruncate(f->fd, (off_t)(MV_DELTA_DATA_AT + size)) < 0)
		r = -errno;
	count(view, f);
	return r;
}

int mv_file_put_header(struct mv_file *f)
{
	struct stat st;

	if (fstat(f->fd, &st) < 0)
		return -EIO;
	int r = mv_store_put_header(f->fd, &f->header);

	return r == 0 && futimens(f->fd, (struct timespec[]){st.st_atim, st.st_mtim}) < 0 ? -EIO
											  : r;
}

/* The original's bytes into the new file: by reference where the file system can, else copied when they are few.
 * base_bytes is then 0. */
static int take_over(struct mv_view *view, int base, int fd, struct mv_delta_header *header)
{
	struct file_clone_range clone = {.src_fd = base, .dest_offset = MV_DELTA_DATA_AT};
	uint64_t n = header->base_bytes;

	if (n == 0)
		return 0;
	if (ioctl(fd, FICLONERANGE, &clone) < 0) {
		if (n > view->whole_max)
			return 0;
		if (view->used + n > view->used_max)
			return -ENOSPC;
		for (uint64_t at = 0; at < n; at += MV_VIEW_DENTS_MAX) {
			ssize_t r = read_at(base, view->dents, MV_VIEW_DENTS_MAX, at);

			if (r >= 0)
				r = write_at(fd, view->dents, (size_t)r, MV_DELTA_DATA_AT + at);
			if (r < 0)
				return (int)r;
		}
	}
	header->base_bytes = 0;
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int mv_file_change(struct mv_view *view, struct mv_node *node, uint64_t keep)
{
	struct mv_file *f = mv_file_of(view, node);
	struct mv_delta_header header = {.shown_ino = node->shown};
	struct stat st;

	if (f->fd >= 0)
		return 0;
	if (fstat(f->base, &st) < 0)
		return -EIO;
	header.original = mv_store_note(&st);
	header.mode = S_IFREG | (st.st_mode & 0777) | 0600;
	header.base_bytes = header.original.size < keep ? header.original.size : keep;
	uint64_t size = header.base_bytes;

	if (size > MV_DELTA_SIZE_MAX)
		return -EFBIG;
	int fd = mv_store_make(view);

	if (fd < 0)
		return fd;
	int r = take_over(view, f->base, fd, &header);

	if (r == 0)
		r = mv_store_put_header(fd, &header);
	if (r == 0 && (ftruncate(fd, (off_t)(MV_DELTA_DATA_AT + size)) < 0 ||
		       futimens(fd, (struct timespec[]){st.st_atim, st.st_mtim}) < 0))
		r = -errno;
	/* Deleted or replaced, it has no name that it could be found under. */
	if (r == 0 && node->hashed)
		r = mv_store_place(view, &view->nodes[node->parent], node->name);
	else if (r == 0 && unlinkat(view->store, MV_STORE_NEW, 0) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	f->fd = fd;
	f->header = header;
	node->stored = true;
	count(view, f);
	if (f->header.base_bytes == 0)
		close_fd(&f->base);
	return 0;
}

static int open_stored(struct mv_view *view, struct mv_node *node, struct mv_file *f)
{
	int folder = mv_node_folder(&view->nodes[node->parent], MV_STORE);
	struct stat st;

	f->fd = folder < 0 ? folder : mv_host_open_in(folder, node->name, O_RDWR);
	if (f->fd < 0 || !node->hashed) /* another's by now */
		return -ESTALE;
	if (fstat(f->fd, &st) < 0 || mv_store_get_header(f->fd, &f->header) < 0)
		return -EIO;
	f->bytes = (uint64_t)st.st_blocks * 512;
	f->size = (uint64_t)st.st_size - MV_DELTA_DATA_AT;
	if (f->header.base_bytes > 0)
		f->base = mv_host_open(view, node);
	return f->header.base_bytes > 0 && f->base < 0 ? f->base : 0;
}

int mv_file_open(struct mv_view *view, struct mv_node *node)
{
	struct mv_file *f = view->files;
	int r = 0;

	if (node->file) {
		mv_file_of(view, node)->handles++;
		return 0;
	}
	while (f < view->files + MV_VIEW_HANDLES_MAX && f->handles > 0)
		f++;
	if (f == view->files + MV_VIEW_HANDLES_MAX)
		return -ENFILE;
	*f = (struct mv_file){.handles = 1, .base = -1, .fd = -1};
	node->file = (uint16_t)(f - view->files + 1);
	if (node->stored)
		r = open_stored(view, node, f);
	else
		r = f->base = mv_host_open(view, node);
	if (r < 0)
		mv_file_close(view, node);
	return r;
}

void mv_file_close(struct mv_view *view, struct mv_node *node)
{
	struct mv_file *f = mv_file_of(view, node);

	if (--f->handles > 0)
		return;
	/* Without a name its blocks are free now. */
	if (!node->hashed && f->fd >= 0)
		view->used -= f->bytes < view->used ? f->bytes : view->used;
	close_fd(&f->fd);
	close_fd(&f->base);
	node->file = 0;
}
