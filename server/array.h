/* Array parameters for PostgreSQL: "{...}" as text (section 8.15), so that one statement takes many rows. */
#ifndef SERVER_ARRAY_H
#define SERVER_ARRAY_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"

/* Embedded; zero is an empty array. Errors stick, and srv_array_text() tells. */
struct srv_array {
	struct buf text;
	int error;
};

void srv_array_release(struct srv_array *array);
void srv_array_add_text(struct srv_array *array, const char *text);
void srv_array_add_bytes(struct srv_array *array, const void *bytes, size_t n);
void srv_array_add_int(struct srv_array *array, int64_t value);
/* The whole, valid until the array changes; NULL when memory ran out on the way. */
const char *srv_array_text(struct srv_array *array);

#define cleanup_array cleanup_(srv_array_release)

#endif
