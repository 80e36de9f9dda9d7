/* Memory that lives and dies with one policy: the document's tree and what is read from it.
 * One thread while it grows; afterwards it is only read. */
#ifndef COMMON_POLICY_ARENA_H
#define COMMON_POLICY_ARENA_H

#include <stddef.h>

struct arena_block;

/* Plain data: `struct arena a = {0};` is an empty arena. */
struct arena {
	struct arena_block *blocks; /* owned */
};

/* n zeroed bytes, aligned for any type, freed with the arena. NULL when out of memory. */
void *arena_alloc(struct arena *arena, size_t n);
/* A terminated copy of n bytes; NULL when out of memory. */
char *arena_copy(struct arena *arena, const void *bytes, size_t n);
void arena_release(struct arena *arena);

#endif
