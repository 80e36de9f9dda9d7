#include "common/policy/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

enum {
	WORD_MAX = 32
};

/* "tasks[0].file[1].do", built from the root downwards; cut when it is too long. */
static size_t put_path(char *out, size_t cap, const struct node *node)
{
	if (!node->parent)
		return 0;
	size_t at = put_path(out, cap, node->parent);
	char quoted[64];
	const char *key =
		node->key ? log_quote(quoted, sizeof(quoted), node->key, strlen(node->key)) : NULL;
	int n = key ? snprintf(out + at, cap - at, "%s%s", at ? "." : "", key)
		    : snprintf(out + at, cap - at, "[%zu]", node->index);

	if (n < 0)
		return at;
	return at + (size_t)n < cap ? at + (size_t)n : cap - 1;
}

static void add(struct policy_errors *errors, const struct policy_error *e)
{
	/* The same thing said twice (a variable used by two rules) is one finding. */
	for (size_t i = 0; i < errors->count && i < POLICY_ERRORS_MAX; i++) {
		const struct policy_error *old = &errors->list[i];

		if (old->line == e->line && old->column == e->column &&
		    !strcmp(old->document, e->document) && !strcmp(old->text, e->text))
			return;
	}
	if (errors->count < POLICY_ERRORS_MAX)
		errors->list[errors->count] = *e;
	errors->count++;
}

/* Lines are counted in the document; the source may begin further down in a file. */
static void place(struct policy_error *e, const struct policy_layer *source, int line, int column)
{
	e->line = line && source ? line + source->line_before : line;
	e->column = column;
	if (source && source->name)
		(void)snprintf(e->document, sizeof(e->document), "%s", source->name);
}

static const struct policy_layer *source_of(const struct node *node)
{
	while (node->parent)
		node = node->parent;
	return node->source;
}

void report_at(struct policy_errors *errors, const struct policy_layer *source, int line,
	       int column, const char *fmt, ...)
{
	struct policy_error e = {0};
	va_list ap;

	place(&e, source, line, column);
	va_start(ap, fmt);
	(void)vsnprintf(e.text, sizeof(e.text), fmt, ap); /* a cut text is still a text */
	va_end(ap);
	add(errors, &e);
}

void report(struct policy_errors *errors, const struct node *node, const char *fmt, ...)
{
	struct policy_error e = {0};
	va_list ap;

	place(&e, source_of(node), node->line, node->column);
	(void)put_path(e.path, sizeof(e.path), node); /* a cut path still leads there */
	va_start(ap, fmt);
	(void)vsnprintf(e.text, sizeof(e.text), fmt, ap);
	va_end(ap);
	add(errors, &e);
}

void report_key(struct policy_errors *errors, const struct node *node, const char *fmt, ...)
{
	struct policy_error e = {0};
	va_list ap;

	place(&e, source_of(node), node->key ? node->key_line : node->line,
	      node->key ? node->key_column : node->column);
	(void)put_path(e.path, sizeof(e.path), node);
	va_start(ap, fmt);
	(void)vsnprintf(e.text, sizeof(e.text), fmt, ap);
	va_end(ap);
	add(errors, &e);
}

static int by_place(const void *left, const void *right)
{
	const struct policy_error *a = left, *b = right;

	if (strcmp(a->document, b->document) != 0)
		return strcmp(a->document, b->document);
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return strcmp(a->text, b->text);
}

void report_sort(struct policy_errors *errors)
{
	size_t n = errors->count < POLICY_ERRORS_MAX ? errors->count : POLICY_ERRORS_MAX;

	qsort(errors->list, n, sizeof(errors->list[0]), by_place);
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

unsigned report_distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1];
	size_t na = strlen(a), nb = strlen(b);

	if (na > WORD_MAX || nb > WORD_MAX)
		return WORD_MAX;
	for (unsigned j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned change = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = least(change, row[j] + 1, row[j - 1] + 1);
		}
	}
	return row[nb];
}

int policy_errors_put(const struct policy_errors *errors, const char *name, struct buf *out)
{
	size_t n = errors->count < POLICY_ERRORS_MAX ? errors->count : POLICY_ERRORS_MAX;
	size_t before = out->len;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const struct policy_error *e = &errors->list[i];

		r = buf_printf(out, "%s:%d:%d: %s%s%s\n", e->document[0] ? e->document : name,
			       e->line, e->column, e->path, e->path[0] ? ": " : "", e->text);
	}
	if (r == 0 && errors->count > n)
		r = buf_printf(out, "%s: and %zu more\n", name, errors->count - n);
	if (r < 0)
		out->len = before;
	return r;
}
