#include "server/ctl/diff.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"

/* Longest common subsequence by the table of Wagner and Fischer, on what is left between the common
 * front and end: documents are small, and edits smaller. */

struct line {
	const char *text;
	size_t n;
};

struct lines {
	struct line *list; /* owned */
	size_t count;
};

static int split(const char *text, size_t bytes, struct lines *out)
{
	size_t count = 0, room = 1;

	for (size_t i = 0; i < bytes; i++)
		room += text[i] == '\n';
	out->list = calloc(room, sizeof(*out->list));
	if (!out->list)
		return -ENOMEM;
	for (size_t at = 0; at < bytes;) {
		const char *end = memchr(text + at, '\n', bytes - at);
		size_t n = end ? (size_t)(end - text) - at : bytes - at;

		out->list[count++] = (struct line){text + at, n};
		at += n + 1;
	}
	out->count = count;
	return 0;
}

static bool is_same(struct line a, struct line b)
{
	return a.n == b.n && !memcmp(a.text, b.text, a.n);
}

/* A line stands alone, so its own quotes need no backslash, and a policy is full of them. */
static void print(FILE *out, size_t number, char sign, struct line line)
{
	char quoted[400];
	size_t n = 0;

	log_quote(quoted, sizeof(quoted), line.text, line.n);
	for (const char *p = quoted; *p; p++) {
		if (p[0] == '\\' && p[1] != 'x')
			p++;
		quoted[n++] = *p;
	}
	fprintf(out, "%5zu %c %.*s\n", number, sign, (int)n, quoted);
}

/* Prints the differences of the middle: lines [front, front + a) of old and [front, front + b) of new. */
static int print_middle(const struct lines *old_lines, const struct lines *new_lines, size_t front,
			size_t a, size_t b, FILE *out)
{
	const struct line *x = old_lines->list + front, *y = new_lines->list + front;
	size_t wide = b + 1, i = 0, j = 0;
	cleanup_free uint16_t *common = calloc((a + 1) * wide, sizeof(*common));

	if (!common)
		return -ENOMEM;
	for (size_t p = a; p-- > 0;) {
		for (size_t q = b; q-- > 0;) {
			uint16_t down = common[(p + 1) * wide + q],
				 right = common[p * wide + q + 1];

			if (is_same(x[p], y[q]))
				common[p * wide + q] =
					(uint16_t)(common[(p + 1) * wide + q + 1] + 1);
			else
				common[p * wide + q] = down > right ? down : right;
		}
	}
	while (i < a || j < b) {
		if (i < a && j < b && is_same(x[i], y[j])) {
			i++;
			j++;
		} else if (j == b ||
			   (i < a && common[(i + 1) * wide + j] >= common[i * wide + j + 1])) {
			print(out, front + i + 1, '-', x[i]);
			i++;
		} else {
			print(out, front + j + 1, '+', y[j]);
			j++;
		}
	}
	return common[0];
}

long ctl_diff(const char *old_text, size_t old_bytes, const char *new_text, size_t new_bytes,
	      FILE *out)
{
	struct lines x = {0}, y = {0};
	size_t front = 0, end = 0;
	long r = split(old_text, old_bytes, &x);

	if (r == 0)
		r = split(new_text, new_bytes, &y);
	if (r == 0) {
		size_t shorter = x.count < y.count ? x.count : y.count;

		while (front < shorter && is_same(x.list[front], y.list[front]))
			front++;
		while (end < shorter - front &&
		       is_same(x.list[x.count - 1 - end], y.list[y.count - 1 - end]))
			end++;
		size_t a = x.count - front - end, b = y.count - front - end;

		r = (long)(a + b);
		if (a <= CTL_DIFF_LINES_MAX && b <= CTL_DIFF_LINES_MAX) {
			int common = print_middle(&x, &y, front, a, b, out);

			r = common < 0 ? common : r - 2 * common;
		}
	}
	free(x.list);
	free(y.list);
	return r;
}
