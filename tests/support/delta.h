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
	ck_assert_int_eq(pwrite(fd, header, sizeof(*header), MV_DELTA_HEADER_AT), sizeof(*header));
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
static inline int delta_make_new(const char *path, uint32_t number, const char *text)
{
	struct mv_delta_header header = {.magic = MV_DELTA_MAGIC,
					 .number = number,
					 .mode = S_IFREG | 0666,
					 .size = strlen(text)};
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	if (text[0])
		delta_put_bytes(fd, text, strlen(text), 0);
	delta_put_header(fd, &header);
	return fd;
}

/* The journal. One per test: Check runs each in a process of its own. */
struct delta_tree {
	int fd;
	uint64_t sequence;
	off_t end;
};

static inline void delta_tree_put(struct delta_tree *tree, struct mv_tree_record record,
				  const char *name)
{
	uint8_t bytes[sizeof(record) + 4096 + MV_TREE_ALIGN] = {0};
	size_t n = sizeof(record) + strlen(name);

	n = (n + MV_TREE_ALIGN - 1) / MV_TREE_ALIGN * MV_TREE_ALIGN;
	record.magic = MV_TREE_MAGIC;
	record.bytes = (uint16_t)n;
	record.sequence = ++tree->sequence;
	record.name_bytes = (uint16_t)strlen(name);
	record.checksum = 0;
	memcpy(bytes, &record, sizeof(record));
	memcpy(bytes + sizeof(record), name, strlen(name));
	record.checksum = mv_delta_checksum(bytes, n);
	memcpy(bytes, &record, sizeof(record));
	ck_assert_int_eq(pwrite(tree->fd, bytes, n, tree->end), (ssize_t)n);
	tree->end += (off_t)n;
}

#endif
