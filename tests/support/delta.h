/* Deltas as a micro-VM writes them (microvisor/delta.h), for tests of those who read them. */
#ifndef TESTS_SUPPORT_DELTA_H
#define TESTS_SUPPORT_DELTA_H

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "microvisor/delta.h"

static inline struct mv_original delta_original(const char *path)
{
	struct stat st;

	ck_assert_int_eq(lstat(path, &st), 0);
	return (struct mv_original){
		.dev = st.st_dev,
		.ino = st.st_ino,
		.size = (uint64_t)st.st_size,
		.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
		.ctime_ns = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec};
}

static inline void delta_put_header(int fd, struct mv_delta_header *header)
{
	header->checksum = mv_delta_checksum(header, offsetof(struct mv_delta_header, checksum));
	ck_assert_int_eq(pwrite(fd, header, sizeof(*header), 0), sizeof(*header));
}

/* Bytes of the file at a place, with the bits of their blocks: whole blocks, or up to the end. */
static inline void delta_put_bytes(int fd, const void *bytes, size_t n, uint64_t at)
{
	ck_assert_int_eq(pwrite(fd, bytes, n, (off_t)(MV_DELTA_DATA_AT + at)), (ssize_t)n);
	for (uint64_t block = at / MV_DELTA_BLOCK; block <= (at + n - 1) / MV_DELTA_BLOCK;
	     block++) {
		off_t place = (off_t)(MV_DELTA_BITMAP_AT + block / 8);
		uint8_t byte = 0;

		ck_assert_int_ge(pread(fd, &byte, 1, place), 0);
		byte |= (uint8_t)(1 << block % 8);
		ck_assert_int_eq(pwrite(fd, &byte, 1, place), 1);
	}
}

/* A file that the task made, with this text: an open descriptor. */
static inline int delta_make_new(const char *path, const char *text)
{
	struct mv_delta_header header = {.magic = MV_DELTA_MAGIC, .mode = S_IFREG | 0666};
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)(MV_DELTA_DATA_AT + strlen(text))), 0);
	if (text[0])
		delta_put_bytes(fd, text, strlen(text), 0);
	delta_put_header(fd, &header);
	return fd;
}

/* A file of the host's that the task changed: the text in place of all of it, or some blocks. */
static inline int delta_make_changed(const char *path, const char *text, const char *original)
{
	struct mv_delta_header header = {.magic = MV_DELTA_MAGIC,
					 .mode = S_IFREG | 0666,
					 .original = delta_original(original)};
	int fd = delta_make_new(path, text);

	delta_put_header(fd, &header);
	return fd;
}

#endif
