#include <string.h>

#include "common/policy/policy.h"

/* A line that begins with "---" is a boundary wherever it stands: YAML 1.2.2 (section 9.1.2) allows it in
 * no scalar. What stands behind it on the line belongs to the document. */

static const char *line_end(const char *at, const char *end)
{
	const char *newline = memchr(at, '\n', (size_t)(end - at));

	return newline ? newline + 1 : end;
}

static bool is_boundary(const char *at, const char *end)
{
	return end - at >= 3 && !memcmp(at, "---", 3) &&
	       (end - at == 3 || strchr(" \t\r\n", at[3]));
}

/* Nothing but blanks and a comment. */
static bool is_blank(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
		at++;
	return at == end || *at == '#';
}

/* The boundary's line belongs to the document behind it only when it says something. */
static void start(struct policy_layer *layer, const char *at, const char *next, int line)
{
	bool alone = is_blank(at + 3, next);

	*layer = (struct policy_layer){.yaml = alone ? next : at, .line_before = line + alone};
}

size_t policy_split(const void *yaml, size_t n, struct policy_layer *layers, size_t max)
{
	const char *at = yaml, *end = at + n, *next;
	struct policy_layer now = {.yaml = yaml};
	bool said = false, directive = false; /* by the lines of this document, up to here */
	size_t count = 0;

	for (int line = 0; at < end; at = next, line++) {
		next = line_end(at, end);
		if (!is_boundary(at, end)) {
			directive = directive || (!said && *at == '%');
			said = said || !(*at == '%' || is_blank(at, next));
			continue;
		}
		if (said) {
			now.n = (size_t)(at - now.yaml);
			if (count < max)
				layers[count] = now;
			count++;
		}
		/* A directive is refused where it stands. */
		if (said || !directive)
			start(&now, at, next, line);
		said = true;
		directive = false;
	}
	now.n = (size_t)(end - now.yaml);
	if (count < max)
		layers[count] = now;
	return count + 1;
}

int policy_join(const struct policy_layer *layers, size_t count, struct buf *out)
{
	size_t before = out->len;
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		const struct policy_layer *layer = &layers[i];
		bool ended = layer->n && layer->yaml[layer->n - 1] == '\n';

		if (i > 0)
			r = buf_put(out, "---\n", 4);
		if (r == 0)
			r = buf_put(out, layer->yaml, layer->n);
		if (r == 0 && !ended && i + 1 < count)
			r = buf_put(out, "\n", 1);
	}
	if (r < 0)
		out->len = before;
	return r;
}
