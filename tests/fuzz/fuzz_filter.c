/* The terminal filter: any bytes, cut anywhere, stay within their room, and no control gets through but
 * newline, tab, carriage return and the ESC of a colour sequence. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What follows an ESC must be a whole colour sequence. */
static size_t colour(const uint8_t *p, size_t n)
{
	size_t i = 2;

	assert(n >= 3 && p[1] == '[');
	while (i < n && ((p[i] >= '0' && p[i] <= '9') || p[i] == ';'))
		i++;
	assert(i < n && p[i] == 'm');
	return i + 1;
}

static void check(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		if (p[i] == 0x1b) {
			i += colour(p + i, n - i);
			continue;
		}
		assert(p[i] >= ' ' || p[i] == '\n' || p[i] == '\t' || p[i] == '\r');
		assert(p[i] != 0x7f);
		/* No C1 control as a character. */
		assert(p[i] != 0xc2 || (i + 1 < n && p[i + 1] >= 0xa0));
		i++;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct filter f = {0};
	size_t step = size ? data[0] % 7u + 1 : 1;
	uint8_t *out = malloc(FILTER_ROOM(size) + FILTER_ROOM(0));
	size_t at = 0;

	if (!out)
		return 0;
	for (size_t i = 0; i < size; i += step) {
		size_t part = size - i < step ? size - i : step;
		uint8_t *room = malloc(FILTER_ROOM(part));
		size_t n = room ? filter_put(&f, data + i, part, room) : 0;

		for (size_t k = 0; k < n; k++)
			out[at++] = room[k];
		free(room);
	}
	at += filter_end(&f, out + at);
	assert(at <= FILTER_ROOM(size));
	check(out, at);
	free(out);
	return 0;
}
