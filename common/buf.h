/* A growable byte buffer. One thread at a time. */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

/* Plain data, so that callers embed it: `struct buf b = {0};` is an empty buffer. */
struct buf {
	uint8_t *data; /* owned */
	size_t len;
	size_t cap;
};

/* Frees the bytes and leaves an empty buffer. */
void buf_release(struct buf *b);
/* Keeps the memory, forgets the bytes. */
void buf_clear(struct buf *b);
/* Appends n bytes. -ENOMEM leaves the buffer as it was. */
int buf_put(struct buf *b, const void *bytes, size_t n) must_check;
int buf_put_u8(struct buf *b, uint8_t v) must_check;
int buf_put_u16le(struct buf *b, uint16_t v) must_check;
int buf_put_u32le(struct buf *b, uint32_t v) must_check;
int buf_put_u64le(struct buf *b, uint64_t v) must_check;
/* Appends formatted text, without a terminator. -ENOMEM. */
int buf_printf(struct buf *b, const char *fmt, ...) must_check
	__attribute__((format(printf, 2, 3)));
/* Removes n bytes from the front; n must not exceed len. */
void buf_consume(struct buf *b, size_t n);
/* Reads fd to its end. -EFBIG above max bytes, -errno of read(2), -ENOMEM. */
int buf_read_fd(struct buf *b, int fd, size_t max) must_check;
/* Reads a whole file; as buf_read_fd, and the errno of open(2). */
int buf_read_file(struct buf *b, const char *path, size_t max) must_check;

#define cleanup_buf cleanup_(buf_release)

#endif
