/* The view's inside: its nodes, which the guest knows by number, its shares and handles.
 *
 * A node is a name in its parent; its host path is composed from the names on the way up, so that each
 * access is arbitrated by the full path. It lives while the guest has looked it up more often than it
 * forgot it, while it has children, or while a handle is open on it. Pointers to nodes stay valid for
 * the view's life, their content until the node is released. */
#ifndef MV_VIEW_TREE_H
#define MV_VIEW_TREE_H

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "microvisor/arbiter/path.h"
#include "microvisor/delta.h"
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
	MV_NODE_WAY,   /* a folder that the view makes up: on the way to something, or sealed */
	MV_NODE_FILE,  /* a regular file */
	MV_NODE_FOLDER /* a folder of the host or of the store */
};

/* Where a folder's descriptor leads. */
enum mv_layer {
	MV_HOST,
	MV_STORE,
	MV_LAYERS
};

struct mv_node {
	uint8_t kind;  /* enum mv_node_kind */
	bool hashed;   /* found by name; false once another file is in its place */
	bool made;     /* by the task: nothing of the host shows in it */
	bool stored;   /* the store has it: changed or made, or a folder with changes in it */
	uint16_t file; /* while it is open: index in view->files, plus 1 */
	uint16_t name_bytes;
	int16_t share;       /* the share whose descriptor this is, or -1: a name in its parent */
	uint32_t parent;     /* index */
	uint32_t next;       /* index, in its bucket or in the free list; 0: the last */
	uint32_t generation; /* of the number: a number of an earlier life is refused */
	uint32_t refs;       /* children and handles */
	int fds[MV_LAYERS];  /* owned, of a folder; plus 1, 0: it is not in that layer */
	uint64_t lookups;
	uint64_t dev; /* of the host's file */
	uint64_t ino;
	uint64_t shown; /* the number that the guest sees as st_ino */
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
	bool in_store; /* a folder: what the host has in it was listed */
	uint32_t generation;
	int fd;               /* owned: a folder of the host; else -1: a file's are its mv_file's */
	struct mv_node *node; /* referenced; NULL: not in use */
};

/* An open file, one for all its handles: the original, and what the store has of it. */
struct mv_file {
	unsigned handles; /* 0: free */
	int base;         /* owned; -1: nothing is read from an original */
	int fd;           /* owned; -1: not changed */
	uint64_t size;    /* of a changed one */
	uint64_t bytes;   /* that it takes in the store, as far as they are counted in view->used */
	struct mv_delta_header header;
};

struct mv_view {
	struct mv_arbiter *arbiter;
	uint32_t uid;
	bool ready;          /* INIT was answered */
	struct mv_exit exit; /* that carries the request being served */
	unsigned share_count;
	struct mv_view_share shares[MV_VIEW_ROOTS + MV_SHARES_MAX]; /* the roots first */
	int store;     /* owned, like tree; -1: all is read only */
	int tree;      /* the folder MV_STORE_TREE in it */
	uint64_t used; /* bytes in it */
	uint64_t used_max;
	uint64_t whole_max; /* an original up to this is taken over whole */
	struct mv_handle handles[MV_VIEW_HANDLES_MAX];
	struct mv_file files[MV_VIEW_HANDLES_MAX];
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
int mv_path_append(struct mv_path *path, const char *name) __attribute__((warn_unused_result));

/* Whether path is folder itself or lies below it. */
static inline bool mv_path_is_within(const struct mv_path *path, const struct mv_path *folder)
{
	return mv_path_is_in(path->bytes, path->n, folder->bytes, folder->n);
}

/* The child that is just this (same kind, share, file), or a new one in its place; looked up once more.
 * like is taken, with its descriptors, also on error. -ENFILE at the cap. */
int mv_node_enter(struct mv_view *view, struct mv_node *parent, const char *name,
		  struct mv_node *like, struct mv_node **ret_node)
	__attribute__((warn_unused_result));
/* The child of that name, or NULL. */
struct mv_node *mv_node_child(struct mv_view *view, const struct mv_node *parent, const char *name);
/* NULL: nothing to forget. */
void mv_node_forget(struct mv_view *view, struct mv_node *node, uint64_t lookups);
/* Its name is another's or nobody's from now on; who holds it still has it. */
void mv_node_unhash(struct mv_view *view, struct mv_node *node);
/* Gives it another name in another folder. */
void mv_node_move(struct mv_view *view, struct mv_node *node, struct mv_node *parent,
		  const char *name);
/* Gives up one of node->refs. */
void mv_node_unref(struct mv_view *view, struct mv_node *node);
/* Closes its descriptors. */
void mv_node_close(struct mv_node *node);
/* Forgets everything but the root. No handle may be open. */
void mv_node_clear(struct mv_view *view);

static inline bool mv_node_is_folder(const struct mv_node *node)
{
	return node->kind == MV_NODE_WAY || node->kind == MV_NODE_FOLDER;
}
/* The folder's descriptor in that layer, borrowed; -ENOTDIR: it has none. */
static inline int mv_node_folder(const struct mv_node *node, enum mv_layer layer)
{
	return node->fds[layer] ? node->fds[layer] - 1 : -ENOTDIR;
}

/* --- descriptors (host.c) --- */

/* Opens one name in a folder; the caller owns the descriptor. Follows nothing; -EXDEV for another mount. */
int mv_host_open_in(int folder, const char *name, uint64_t flags)
	__attribute__((warn_unused_result));
/* As that, in a folder of the host; *st tells what it is. -ENOTDIR: it is none of the host's. */
int mv_host_child(const struct mv_node *parent, const char *name, uint64_t flags, struct stat *st)
	__attribute__((warn_unused_result));
/* Opens the host's file or folder for reading; the caller owns the descriptor. -ESTALE when another file
 * took its name. */
int mv_host_open(struct mv_view *view, const struct mv_node *node)
	__attribute__((warn_unused_result));
/* What the host says of it; of a folder that the view makes up, its type. */
int mv_host_stat(struct mv_view *view, const struct mv_node *node, struct stat *st)
	__attribute__((warn_unused_result));

/* --- the store (store.c, delta.h) --- */

enum mv_stored {
	MV_STORED_NOTHING,
	MV_STORED_THIS,   /* *like tells what */
	MV_STORED_FOLDER, /* a folder in which the host's shows too */
	MV_STORED_GONE
};

/* enum mv_stored: what the store has under a name; *hides is what the host had there when it was put there.
 * -errno. */
int mv_store_look(const struct mv_node *parent, const char *name, struct mv_node *like,
		  struct mv_original *hides) __attribute__((warn_unused_result));
/* The folder's descriptor there; it and those above it are made when they are not there. */
int mv_store_enter(struct mv_view *view, struct mv_node *folder)
	__attribute__((warn_unused_result));
/* A new, empty file, which has no name in the tree yet. The caller owns the descriptor. */
int mv_store_make(struct mv_view *view) __attribute__((warn_unused_result));
/* Gives what was made last its name, in place of any other. */
int mv_store_place(struct mv_view *view, struct mv_node *parent, const char *name)
	__attribute__((warn_unused_result));
/* Makes a file of so many bytes, which are a header and zeros, under that name. */
int mv_store_add(struct mv_view *view, struct mv_node *parent, const char *name,
		 struct mv_delta_header *header, uint64_t bytes)
	__attribute__((warn_unused_result));
/* Takes a name from what the store has there: removed, or, when the host has something, marked as gone. */
int mv_store_remove(struct mv_view *view, struct mv_node *parent, const char *name,
		    const struct mv_original *hides) __attribute__((warn_unused_result));
/* The header of a file, with its checksum. -EBADMSG: it is none. */
int mv_store_get_header(int fd, struct mv_delta_header *ret_header)
	__attribute__((warn_unused_result));
int mv_store_put_header(int fd, struct mv_delta_header *header) __attribute__((warn_unused_result));
/* Moves a file, link or made folder, in place of what the store has there. -ENOTEMPTY, -errno. */
int mv_store_rename(struct mv_view *view, struct mv_node *parent, const char *name,
		    struct mv_node *to, const char *to_name) __attribute__((warn_unused_result));
/* Makes a folder in which nothing of the host's shows. */
int mv_store_mkdir(struct mv_view *view, struct mv_node *parent, const char *name)
	__attribute__((warn_unused_result));
/* What identifies a file of the host. */
struct mv_original mv_store_note(const struct stat *st);

/* --- open files (file.c) --- */

/* One handle more, or one less. -ENFILE, -ESTALE, -errno. */
int mv_file_open(struct mv_view *view, struct mv_node *node) __attribute__((warn_unused_result));
void mv_file_close(struct mv_view *view, struct mv_node *node);
static inline struct mv_file *mv_file_of(struct mv_view *view, const struct mv_node *node)
{
	return &view->files[node->file - 1];
}
/* Makes an open file one of the store, if it is not: of the original, the first `keep` bytes are kept. -ENOSPC,
 * -EFBIG, -errno. */
int mv_file_change(struct mv_view *view, struct mv_node *node, uint64_t keep)
	__attribute__((warn_unused_result));
/* The bytes read, fewer only at the end. -errno. */
int mv_file_read(struct mv_file *file, void *bytes, size_t n, uint64_t at)
	__attribute__((warn_unused_result));
/* Both change an open file, as mv_file_change(). All bytes are written. */
int mv_file_write(struct mv_view *view, struct mv_node *node, const void *bytes, size_t n,
		  uint64_t at) __attribute__((warn_unused_result));
int mv_file_truncate(struct mv_view *view, struct mv_node *node, uint64_t size)
	__attribute__((warn_unused_result));
/* Writes the header again; the file's times stay. */
int mv_file_put_header(struct mv_file *file) __attribute__((warn_unused_result));

/* --- what may be seen and done (walk.c); each is recorded as coming from view->exit --- */

/* Looks name up in parent. -ENOENT hidden or not there, -EACCES denied, -ENOTDIR, -ENAMETOOLONG,
 * -ENFILE. The node counts one lookup more. */
int mv_view_lookup(struct mv_view *view, struct mv_node *parent, const char *name,
		   struct mv_node **ret_node) __attribute__((warn_unused_result));
/* Whether op may be done to the node: 0, -EACCES, -ENOENT. */
int mv_view_permit(struct mv_view *view, struct mv_node *node, enum mv_op op)
	__attribute__((warn_unused_result));
/* Whether the node, or name in it unless NULL, may be changed: 0, -EACCES, -EROFS without a store. */
int mv_view_permit_change(struct mv_view *view, struct mv_node *node, const char *name,
			  enum mv_op op) __attribute__((warn_unused_result));
/* Whether a listing shows what lies at path. Nothing is recorded. */
bool mv_view_shows(struct mv_view *view, const struct mv_path *path, bool is_folder, bool is_made);
/* The share whose path is this, or -1. */
int mv_view_share_at(const struct mv_view *view, const struct mv_path *path);
/* A number that stays the same for the same file or path. */
uint64_t mv_view_ino(uint64_t dev, uint64_t ino);
uint64_t mv_path_ino(const struct mv_path *path);

#endif
