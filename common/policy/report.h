/* Findings about a document: where, under which key, and what would be right. */
#ifndef COMMON_POLICY_REPORT_H
#define COMMON_POLICY_REPORT_H

#include "common/policy/node.h"
#include "common/policy/policy.h"

/* At a line and column of a text, without a key; line 0: the text as a whole, source NULL: all of it. */
void report_at(struct policy_errors *errors, const struct policy_layer *source, int line,
	       int column, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* At a node's value, with the path of keys that leads to it. */
void report(struct policy_errors *errors, const struct node *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* At a node's key. */
void report_key(struct policy_errors *errors, const struct node *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Puts the kept errors in the order of the text. */
void report_sort(struct policy_errors *errors);
/* The bytes a one-letter-wrong word differs from the right one by (Levenshtein); large for long words. */
unsigned report_distance(const char *a, const char *b);

#endif
