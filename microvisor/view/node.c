#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "microvisor/view/tree.h"

/* The table of nodes: an array, a hash of (parent, name), a free list. Nothing is allocated here. Node 0
 * is the root and is never released. A parent cannot go before its children, so every walk upwards ends. */

enum {
	NONE = MV_NODE_ROOT /* which is in no bucket and never free */
};

static uint32_t index_of(const struct mv_view *view, const struct mv_node *node)
{
	return (uint32_t)(node - view->nodes);
}

static uint32_t *bucket_of(struct mv_view *view, uint32_t parent, const char *name)
{
	uint64_t hash =
		mv_delta_checksum(name, strlen(name)) ^ parent * UINT64_C(0x9e3779b97f4a7c15);

	hash ^= hash >> 32;
	hash ^= hash >> 16;
	return &view->buckets[hash & (MV_VIEW_BUCKETS - 1)];
}

struct mv_node *mv_node_find(struct mv_view *view, uint64_t number)
{
	uint64_t index = (number & UINT32_MAX) - 1; /* 0 wraps to out of range */

	if (index >= view->fresh)
		return NULL;
	struct mv_node *node = &view->nodes[index];

	if (node->kind == MV_NODE_FREE || node->generation != number >> 32 ||
	    (node->lookups == 0 && index != MV_NODE_ROOT)) /* whose number, 1, is FUSE's own */
		return NULL;
	return node;
}

uint64_t mv_node_number(const struct mv_view *view, const struct mv_node *node)
{
	return (uint64_t)node->generation << 32 | (index_of(view, node) + 1);
}

void mv_node_path(const struct mv_view *view, const struct mv_node *node, struct mv_path *path)
{
	size_t start = sizeof(path->bytes);

	/* Names are put from the end; mv_path_append() has seen to it that they fit. */
	for (; index_of(view, node) != MV_NODE_ROOT; node = &view->nodes[node->parent]) {
		start -= node->name_bytes;
		memcpy(path->bytes + start, node->name, node->name_bytes);
		path->bytes[--start] = '/';
	}
	path->n = sizeof(path->bytes) - start;
	memmove(path->bytes, path->bytes + start, path->n);
	if (path->n == 0)
		path->bytes[path->n++] = '/';
}

int mv_path_append(struct mv_path *path, const char *name)
{
	size_t n = strlen(name);
	size_t at = path->n == 1 ? 0 : path->n; /* "/" has its slash already */

	if (n > MV_VIEW_NAME_MAX || at + 1 + n > sizeof(path->bytes))
		return -ENAMETOOLONG;
	path->bytes[at] = '/';
	memcpy(path->bytes + at + 1, name, n);
	path->n = at + 1 + n;
	return 0;
}

struct mv_node *mv_node_child(struct mv_view *view, const struct mv_node *parent, const char *name)
{
	uint32_t folder = index_of(view, parent);

	for (uint32_t i = *bucket_of(view, folder, name); i != NONE; i = view->nodes[i].next) {
		struct mv_node *node = &view->nodes[i];

		if (node->parent == folder && strcmp(node->name, name) == 0)
			return node;
	}
	return NULL;
}

void mv_node_unhash(struct mv_view *view, struct mv_node *node)
{
	if (!node || !node->hashed)
		return;
	uint32_t *link = bucket_of(view, node->parent, node->name);

	while (*link != index_of(view, node))
		link = &view->nodes[*link].next;
	*link = node->next;
	node->hashed = false;
}

static struct mv_node *take_free(struct mv_view *view)
{
	uint32_t index = view->free;

	if (index != NONE) {
		view->free = view->nodes[index].next;
		return &view->nodes[index];
	}
	if (view->fresh >= MV_VIEW_NODES_MAX)
		return NULL;
	return &view->nodes[view->fresh++];
}

void mv_node_close(struct mv_node *node)
{
	for (enum mv_layer layer = MV_HOST; layer < MV_LAYERS; layer++) {
		if (node->fds[layer])
			close(node->fds[layer] - 1);
		node->fds[layer] = 0;
	}
}

/* Releases the node when nothing holds it, and then its parent when nothing holds that. */
static void settle(struct mv_view *view, struct mv_node *node)
{
	while (index_of(view, node) != MV_NODE_ROOT && node->lookups == 0 && node->refs == 0) {
		struct mv_node *parent = &view->nodes[node->parent];

		mv_node_unhash(view, node);
		mv_node_close(node);
		node->kind = MV_NODE_FREE;
		node->generation++;
		node->next = view->free;
		view->free = index_of(view, node);
		parent->refs--;
		node = parent;
	}
}

/* Puts the node under a name. */
static void hang(struct mv_view *view, struct mv_node *node, struct mv_node *parent,
		 const char *name)
{
	uint32_t *bucket = bucket_of(view, index_of(view, parent), name);
	size_t n = strlen(name);

	node->hashed = true;
	node->parent = index_of(view, parent);
	node->name_bytes = (uint16_t)n;
	memmove(node->name, name, n + 1);
	node->next = *bucket;
	*bucket = index_of(view, node);
	parent->refs++;
}

void mv_node_move(struct mv_view *view, struct mv_node *node, struct mv_node *parent,
		  const char *name)
{
	struct mv_node *before = &view->nodes[node->parent];

	mv_node_unhash(view, node);
	hang(view, node, parent, name);
	mv_node_unref(view, before);
}

int mv_node_enter(struct mv_view *view, struct mv_node *parent, const char *name,
		  struct mv_node *like, struct mv_node **ret_node)
{
	struct mv_node *node = mv_node_child(view, parent, name);

	if (node && (node->kind != like->kind || node->share != like->share ||
		     node->shown != like->shown || node->made != like->made)) {
		mv_node_unhash(view, node); /* the guest may hold it still; its number lives on */
		node = NULL;
	}
	if (!node) {
		node = take_free(view);
		if (!node) {
			mv_node_close(like);
			return -ENFILE;
		}
		uint32_t generation = node->generation;

		*node = *like;
		node->generation = generation;
		hang(view, node, parent, name);
	} else {
		node->stored = like->stored;
		for (enum mv_layer layer = MV_HOST; layer < MV_LAYERS; layer++) {
			int had = node->fds[layer];

			node->fds[layer] = had ? had : like->fds[layer];
			like->fds[layer] = had ? like->fds[layer] : 0;
		}
		mv_node_close(like);
	}
	node->lookups++;
	*ret_node = node;
	return 0;
}

void mv_node_forget(struct mv_view *view, struct mv_node *node, uint64_t lookups)
{
	if (!node)
		return;
	node->lookups -= lookups < node->lookups ? lookups : node->lookups;
	settle(view, node);
}

void mv_node_unref(struct mv_view *view, struct mv_node *node)
{
	node->refs--;
	settle(view, node);
}

void mv_node_clear(struct mv_view *view)
{
	for (uint32_t i = 1; i < view->fresh; i++) {
		mv_node_close(&view->nodes[i]);
		view->nodes[i].kind = MV_NODE_FREE;
		view->nodes[i].generation++;
	}
	/* Without nodes the table is zero, and costs no memory until it is written. */
	if (view->fresh > 1)
		memset(view->buckets, 0, sizeof(view->buckets));
	view->free = NONE;
	view->fresh = 1;
	view->nodes[MV_NODE_ROOT] = (struct mv_node){.kind = MV_NODE_WAY,
						     .share = -1,
						     .stored = view->store >= 0,
						     .fds[MV_STORE] = view->tree + 1};
}
