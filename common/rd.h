/* The one reader of foreign bytes: a window that only shrinks, with one sticky error.
 *
 *	struct rd r = rd_of(bytes, n);
 *	uint32_t len = rd_u32le(&r);
 *	const uint8_t *body = rd_bytes(&r, len);
 *	if (r.bad) return -EBADMSG;
 *
 * After the first short read every further read gives 0 or NULL, so a parser checks once at the end. */
#ifndef COMMON_RD_H
#define COMMON_RD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rd {
	const uint8_t *ptr;
	const uint8_t *end;
	bool bad;
};

static inline struct rd rd_of(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	return (struct rd){.ptr = p, .end = p + n};
}

static inline size_t rd_left(const struct rd *r)
{
	return r->bad ? 0 : (size_t)(r->end - r->ptr);
}

/* Borrowed pointer to the next n bytes, or NULL and bad. */
static inline const uint8_t *rd_bytes(struct rd *r, size_t n)
{
	if (r->bad || n > (size_t)(r->end - r->ptr)) {
		r->bad = true;
		return NULL;
	}
	const uint8_t *p = r->ptr;

	r->ptr += n;
	return p;
}

static inline uint8_t rd_u8(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 1);

	return p ? p[0] : 0;
}

static inline uint16_t rd_u16le(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 2);

	return p ? (uint16_t)(p[0] | p[1] << 8) : 0;
}

static inline uint32_t rd_u32le(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 4);

	return p ? (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
			       (uint32_t)p[3] << 24
		 : 0;
}

static inline uint32_t rd_u32be(struct rd *r)
{
	return __builtin_bswap32(rd_u32le(r));
}

static inline uint64_t rd_u64le(struct rd *r)
{
	uint64_t low = rd_u32le(r);

	return low | (uint64_t)rd_u32le(r) << 32;
}

#endif
