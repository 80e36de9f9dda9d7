#include "common/base64.h"

#include <errno.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_put(struct buf *out, const void *bytes, size_t n)
{
	const uint8_t *in = bytes;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i += 3) {
		size_t have = n - i < 3 ? n - i : 3;
		uint32_t v = (uint32_t)in[i] << 16;
		char four[4];

		v |= have > 1 ? (uint32_t)in[i + 1] << 8 : 0;
		v |= have > 2 ? in[i + 2] : 0;
		for (int c = 0; c < 4; c++)
			four[c] = (size_t)c <= have ? alphabet[v >> (18 - 6 * c) & 63] : '=';
		r = buf_put(out, four, sizeof(four));
	}
	return r;
}

static int value_of(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

/* Four characters, of which the last `padding` are '=', to three bytes less the padding. */
static int decode_four(struct buf *out, const char *four, size_t padding)
{
	uint32_t v = 0;

	for (size_t c = 0; c < 4; c++) {
		int bits = c < 4 - padding ? value_of(four[c]) : 0;

		if (bits < 0)
			return -EINVAL;
		v = v << 6 | (uint32_t)bits;
	}
	if (v & ((1U << 8 * padding) - 1))
		return -EINVAL; /* bits that no byte holds */
	uint8_t three[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

	return buf_put(out, three, 3 - padding);
}

int base64_decode(struct buf *out, const char *text, size_t n)
{
	int r = n % 4 ? -EINVAL : 0;

	for (size_t i = 0; i < n && r == 0; i += 4) {
		size_t padding = 0;

		if (i + 4 == n && text[n - 1] == '=')
			padding = text[n - 2] == '=' ? 2 : 1;
		r = decode_four(out, text + i, padding);
	}
	return r;
}
