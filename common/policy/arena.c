#include "common/policy/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	BLOCK_BYTES = 32 << 10,
	ALIGN = 16
};

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t cap;
	_Alignas(ALIGN) unsigned char bytes[];
};

static struct arena_block *add_block(struct arena *arena, size_t n)
{
	size_t cap = n > BLOCK_BYTES ? n : BLOCK_BYTES;
	struct arena_block *block = calloc(1, sizeof(*block) + cap);

	if (!block)
		return NULL;
	block->cap = cap;
	block->next = arena->blocks;
	arena->blocks = block;
	return block;
}

void *arena_alloc(struct arena *arena, size_t n)
{
	struct arena_block *block = arena->blocks;

	if (n > SIZE_MAX / 2)
		return NULL;
	n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (!block || block->cap - block->used < n)
		block = add_block(arena, n);
	if (!block)
		return NULL;
	void *p = block->bytes + block->used;

	block->used += n;
	return p;
}

char *arena_copy(struct arena *arena, const void *bytes, size_t n)
{
	char *copy = arena_alloc(arena, n + 1);

	if (copy && n)
		memcpy(copy, bytes, n);
	return copy;
}

void arena_release(struct arena *arena)
{
	while (arena->blocks) {
		struct arena_block *next = arena->blocks->next;

		free(arena->blocks);
		arena->blocks = next;
	}
}
