/* Builds a compiled policy table (microvisor/arbiter/policy.h) from words of a command line. */
#ifndef TESTS_SUPPORT_DRIVE_TABLE_H
#define TESTS_SUPPORT_DRIVE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "microvisor/arbiter/policy.h"

enum {
	TABLE_RULES_MAX = 32
};

struct table {
	uint64_t serial;
	uint8_t fallback[MV_CLASS_COUNT];
	unsigned count;
	struct table_rule {
		uint8_t class;
		uint8_t verdict;
		uint8_t kind; /* enum mv_pattern_kind */
		char pattern[MV_PATH_MAX];
	} rules[TABLE_RULES_MAX];
};

/* The defaults of a launch without a policy: stdio allowed, files hidden, everything else denied, an
 * incident ends the micro-VM. */
void table_init(struct table *table);
/* "CLASS=VERDICT", "file=deny": the class's fallback. Exits with a message when it makes no sense. */
void table_fallback(struct table *table, const char *words);
/* "CLASS:VERDICT:PATTERN": a rule "r1", "r2", ... A pattern that ends in "/" is a subtree, one with "*"
 * or "?" a glob. */
void table_rule(struct table *table, const char *words);
/* The table's bytes, on the heap. */
void *table_build(const struct table *table, size_t *ret_n);

#endif
