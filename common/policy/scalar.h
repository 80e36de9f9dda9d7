/* What a scalar means: the core schema of YAML 1.2 (section 10.3.2), sizes and durations. Pure. */
#ifndef COMMON_POLICY_SCALAR_H
#define COMMON_POLICY_SCALAR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/policy/node.h"

enum scalar_kind {
	SCALAR_TEXT,
	SCALAR_NULL,
	SCALAR_BOOL,
	SCALAR_INT,
	SCALAR_FLOAT
};

enum scalar_kind scalar_kind(const struct node *scalar);
/* "a number", "text", "nothing", ... for messages. */
const char *scalar_kind_name(enum scalar_kind kind);
/* False when the text is no whole number of 0 to 2^63 - 1: decimal, 0o17 or 0x1f. */
bool scalar_number(const char *text, uint64_t *ret_value);
/* "4096", "64Ki", "256Mi", "2Gi": bytes. */
bool scalar_size(const char *text, uint64_t *ret_bytes);
/* "250ms", "90s", "30m", "1h", "7d": milliseconds. */
bool scalar_duration(const char *text, uint64_t *ret_ms);

/* "2026-12-24T00:00:00Z", of the years 1970 to 9999: seconds since the epoch. */
bool scalar_time(const char *text, uint64_t *ret_seconds);

#endif
