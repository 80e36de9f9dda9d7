/* How a micro-VM's changes lie on disk: the one description for the microvm, which writes them, and the agent,
 * which reads, saves and recovers them. Plain data; nothing here opens or allocates.
 *
 * The agent makes one folder per micro-VM and hands the microvm a descriptor of it. In it are
 *
 *	tree       the journal: which names the task made, changed, moved or deleted (struct mv_tree_record)
 *	00000001   the files behind those names, each called by its number, "%08x" (struct mv_delta_header)
 *
 * A reader must hold every byte for hostile: whoever owns the micro-VM writes here what he likes, sizes, numbers,
 * names and links between entries included. It checks what is below, opens a file by O_NOFOLLOW and takes only
 * regular ones, and keeps to the limits. Native byte order: x86-64 alone.
 *
 * Crashes. Each change of a file is written at once, data before the bit that makes it valid, a smaller size before
 * what lies behind it is cut, so that after kill -9 of the microvm everything is as the guest last saw it. A power
 * cut may lose or reorder what the guest did not fsync: then a reader takes the `durable` header and bitmap, which
 * are written only when what they speak of is on disk, and the longest good prefix of the journal. */
#ifndef MV_DELTA_H
#define MV_DELTA_H

#include <stddef.h>
#include <stdint.h>

/* Which file of the host, and in what condition. ino 0: none. A reader compares all of it before it uses the
 * file: when something differs, the host has changed it since, and what the delta takes from it is not what the
 * task saw. */
struct mv_original {
	uint64_t dev;
	uint64_t ino;
	uint64_t size;
	int64_t mtime_ns;
	int64_t ctime_ns;
};

/* --- a file: header, bitmap, data --- */

enum {
	MV_DELTA_MAGIC = 0x31444d41, /* "AMD1" */
	MV_DELTA_BLOCK = 4096,
	MV_DELTA_NAME_BYTES = 9, /* "%08x" and NUL */
	/* Places in the file. What was never written is a hole. */
	MV_DELTA_HEADER_AT = 0,
	MV_DELTA_DURABLE_AT =
		512, /* a second header; magic 0: nothing of it is known to be on disk */
	MV_DELTA_BITMAP_AT =
		1 << 25, /* bit i of byte j: block 8 j + i of the data is in this file */
	MV_DELTA_DURABLE_MAP_AT = 1 << 26, /* the bitmap that goes with the durable header */
	MV_DELTA_DATA_AT = 1 << 27,
	MV_DELTA_LINK_MAX = 4095 /* bytes of a symbolic link's target */
};

/* Of the file that the task sees. The bitmap for it is 32 MiB long. */
#define MV_DELTA_SIZE_MAX (UINT64_C(1) << 40)

/* Byte p of the file (p < size) is the original's when p < base_bytes and the bit of p's block is clear; else it
 * is at MV_DELTA_DATA_AT + p, where a hole and what is behind the end of the delta file are zeros.
 * base_bytes only falls: truncating cuts it, and a small original, or one that could be cloned (FICLONERANGE), was
 * taken over whole at the first change: then it is 0, and the original is not needed to read the file. */
struct mv_delta_header {
	uint32_t magic;
	uint32_t number; /* the file's own */
	uint32_t
		mode; /* S_IFREG or S_IFLNK, whose bytes are the target, and the permissions the task gave */
	uint32_t reserved;
	uint64_t size;       /* at most MV_DELTA_SIZE_MAX */
	uint64_t base_bytes; /* at most size and original.size */
	int64_t atime_ns;
	int64_t mtime_ns;
	struct mv_original
		original;  /* what it was made from, at the first change; none: a new file */
	uint64_t checksum; /* mv_delta_checksum() of what is before it */
};

/* --- the journal --- */

enum {
	MV_TREE_MAGIC = 0x31544d41, /* "AMT1" */
	MV_TREE_ALIGN = 64,
	MV_TREE_GROUP_MAX = 8,       /* records of one group */
	MV_TREE_ENTRIES_MAX = 32768, /* entry numbers are 1 to this */
	MV_TREE_BYTES_MAX =
		256 << 20,     /* of the journal; then the guest can make and delete no more */
	MV_TREE_NAME_MAX = 255 /* of all but a place */
};

#define MV_TREE_NAME "tree"

/* What an entry is from this record on. The last record of an entry holds; earlier ones are history.
 *
 * A place is a folder in which something was changed and which the task did not make itself; its name is its full
 * host path, and it may exist on the host or not (a folder that the view makes up). All others have a parent, a
 * place or a folder, and one name in it. Of files, links, folders and gone ones no two that live have the same
 * parent and name; each hides what the host has there, and may move, a folder with all that is in it. */
enum mv_tree_kind {
	MV_TREE_NONE,   /* the entry ended: the host's own shows again; its number may come back */
	MV_TREE_PLACE,  /* name: canonical path, shorter than MV_PATH_MAX */
	MV_TREE_FILE,   /* a new or changed file; `file` holds it */
	MV_TREE_LINK,   /* a symbolic link that the task made; `file` holds its target */
	MV_TREE_FOLDER, /* a folder that the task made; nothing of the host shows in it */
	MV_TREE_GONE,   /* what the host has here was deleted or moved away */
	MV_TREE_ORIGIN, /* where the host has what a moved file was made from: a name in a place; hides nothing */
	MV_TREE_KINDS
};

enum {
	MV_TREE_MORE =
		1 /* the group goes on: it counts when its last record is good, or not at all */
};

/* A record is this, then the name, then zeros up to `bytes`. Records follow each other from the start of the
 * journal; the first one that is not as described ends it. */
struct mv_tree_record {
	uint32_t magic;
	uint16_t bytes; /* whole, a multiple of MV_TREE_ALIGN */
	uint8_t kind;   /* enum mv_tree_kind */
	uint8_t flags;
	uint64_t checksum; /* mv_delta_checksum() of the whole record with 0 here */
	uint64_t sequence; /* 1, 2, 3: the number of the record */
	uint32_t entry;
	uint32_t parent; /* an entry; 0 for a place */
	uint32_t file;   /* of a file or link, no other's; else 0 */
	uint32_t mode;   /* of a folder: the permissions the task gave */
	uint32_t
		origin; /* of a file: the entry of that kind, when its base is not what it hides; else 0 */
	uint16_t name_bytes;
	uint16_t share;   /* of a place: the share it lies in, 1 for the first; 0: in none */
	int64_t mtime_ns; /* of a folder */
	/* What the host has under the entry's own name, when the entry came to hide it; none: nothing.
	 * (What a file was made from, its own header tells.) */
	struct mv_original hides;
};

/* Tells a record or header that was written whole from one that was not; no protection against anybody.
 * FNV-1a over 64 bits. */
static inline uint64_t mv_delta_checksum(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
	return hash;
}

#endif
