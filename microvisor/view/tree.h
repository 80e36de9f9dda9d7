/* The view's inside: its nodes, which the guest knows by number, its shares and handles.
 *
 * A node is a name in its parent; its host path is composed from the names on the way up, so that each
 * access is arbitrated by the full path. It lives while the guest has looked it up more often than it
 * forgot it, while it has children, or while a handle is open on it. Pointers to nodes stay valid for
 * the view's life, their content until the node is released. */
#ifndef MV_VIEW_TREE_H
#define MV_VIEW_TREE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "microvisor/view/view.h"

enum {
	MV_VIEW_NAME_MAX = 255,
	MV_VIEW_BUCKETS = 65536, /* of the hash of names; a power of two */
	MV_VIEW_ROOTS = 4,
	MV_VIEW_DENTS_MAX = 32 << 10,
	MV_NODE_ROOT = 0
};

enum mv_node_kind {
	MV_NODE_FREE,
	MV_NODE_WAY,    /* a folder that the view makes up: on the way to something, or sealed */
	MV_NODE_FILE,   /* a regular file of the host */
	MV_NODE_FOLDER, /* a folder of the host */
};

struct mv_node {
	uint8_t kind; /* enum mv_node_kind */
	bool hashed;  /* found by name; false once the host has put another file in its place */
	uint16_t name_bytes;
	int16_t share;       /* the share whose descriptor this is, or -1: a name in its parent */
	uint32_t parent;     /* index */
	uint32_t next;       /* index, in its bucket or in the free list; 0: the last */
	uint32_t generation; /* of the number: a number of an earlier life is refused */
	uint32_t refs;       /* children and handles */
	uint64_t lookups;
	uint64_t dev;
	uint64_t ino;
	char name[MV_VIEW_NAME_MAX + 1];
};

struct mv_path {
	size_t n;
	char bytes[MV_PATH_MAX];
};

struct mv_view_share {
	enum mv_share_kind kind; /* 0: one of the four roots, which has no descriptor */
	int fd;
	uint64_t dev;
	uint64_t ino;
	struct mv_path path;
};

struct mv_handle {
	bool used;
	uint32_t generation;
	int fd;               /* owned; -1: a folder that the view makes up */
	struct mv_node *node; /* referenced */
};

struct mv_view {
	struct mv_arbiter *arbiter;
	uint32_t uid;
	bool ready;          /* INIT was answered */
	struct mv_exit exit; /* that carries the request being served */
	unsigned share_count;
	struct mv_view_share shares[MV_VIEW_ROOTS + MV_SHARES_MAX]; /* the roots first */
	struct mv_open_folder {
		uint32_t node;              /* index; 0: none, since the root has no descriptor */
		int fd;                     /* O_PATH */
	} open_folders[MV_VIEW_FOLDER_FDS]; /* each at its node's index modulo their number */
	unsigned next_handle;               /* where to look for a free one first */
	struct mv_handle handles[MV_VIEW_HANDLES_MAX];
	char dents[MV_VIEW_DENTS_MAX] __attribute__((aligned(8)));
	uint8_t reply[MV_FUSE_REPLY_MAX];
	uint32_t free; /* first node that is used no more; 0: none, as in buckets */
	/* Nodes from here on were never touched, so that their memory is not either: it comes zeroed and
	 * page by page from the kernel. */
	uint32_t fresh;
	uint32_t buckets[MV_VIEW_BUCKETS];
	struct mv_node nodes[MV_VIEW_NODES_MAX];
};

/* The node of a FUSE number, or NULL when it was never given, is forgotten, or of another life. */
struct mv_node *mv_node_find(struct mv_view *view, uint64_t number);
uint64_t mv_node_number(const struct mv_view *view, const struct mv_node *node);
/* The full host path. */
void mv_node_path(const struct mv_view *view, const struct mv_node *node, struct mv_path *path);
/* Adds "/" and a name. -ENAMETOOLONG. */
int mv_path_append(struct mv_path *path, const char *name, size_t n)
	__attribute__((warn_unused_result));

/* The child that is just this (same kind, share, file), or a new one in its place; looked up once more.
 * like gives kind, share, dev and ino. -ENFILE at the cap. */
int mv_node_enter(struct mv_view *view, struct mv_node *parent, const char *name, size_t n,
		  const struct mv_node *like, struct mv_node **ret_node)
	__attribute__((warn_unused_result));
void mv_node_forget(struct mv_view *view, struct mv_node *node, uint64_t lookups);
/* Gives up one of node->refs. */
void mv_node_unref(struct mv_view *view, struct mv_node *node);
/* Forgets everything but the root. No handle may be open. */
void mv_node_clear(struct mv_view *view);

/* --- the host's side (host.c) --- */

/* Opens one name of a folder with O_PATH; the caller owns the descriptor. -EXDEV for another mount. */
int mv_host_child(struct mv_view *view, struct mv_node *parent, const char *name,
		  struct stat *ret_stat) __attribute__((warn_unused_result));
/* Opens the node for reading; the caller owns the descriptor. -ESTALE when another file took its name. */
int mv_host_open(struct mv_view *view, struct mv_node *node) __attribute__((warn_unused_result));
/* What the host says of it; of a folder that the view makes up, its type and number. */
int mv_host_stat(struct mv_view *view, struct mv_node *node, struct stat *ret_stat)
	__attribute__((warn_unused_result));
/* Closes what the node keeps open. */
void mv_host_close(struct mv_view *view, const struct mv_node *node);

/* --- what may be seen and done (walk.c); each is recorded as coming from view->exit --- */

/* Looks name up in parent. -ENOENT hidden or not there, -EACCES denied, -ENOTDIR, -ENAMETOOLONG,
 * -ENFILE. The node counts one lookup more. */
int mv_view_lookup(struct mv_view *view, struct mv_node *parent, const char *name,
		   struct mv_node **ret_node) __attribute__((warn_unused_result));
/* Whether op may be done to the node: 0, -EACCES, -ENOENT. */
int mv_view_permit(struct mv_view *view, struct mv_node *node, enum mv_op op)
	__attribute__((warn_unused_result));
/* What a change of the node, or of name in it unless NULL, meets: always an error. */
int mv_view_refuse(struct mv_view *view, struct mv_node *node, const char *name, enum mv_op op)
	__attribute__((warn_unused_result));
/* Whether a listing shows what lies at path. Nothing is recorded. */
bool mv_view_shows(struct mv_view *view, const struct mv_path *path, bool is_folder);
/* The share whose path is this, or -1. */
int mv_view_share_at(const struct mv_view *view, const struct mv_path *path);
/* Whether path is a proper ancestor of a share, or one of the four roots, or "/". */
bool mv_view_is_way(const struct mv_view *view, const struct mv_path *path);
/* A number that stays the same for the same file or path. */
uint64_t mv_view_ino(uint64_t dev, uint64_t ino);
uint64_t mv_path_ino(const struct mv_path *path);

#endif
