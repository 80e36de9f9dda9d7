/* How a micro-VM's changes lie on disk: the one description for the microvm, which writes them, and the agent,
 * which lists, saves and recovers them. Plain data; nothing here opens or allocates.
 *
 * The agent makes one folder per micro-VM, the store, and hands the microvm a descriptor of it. In it are `tree`,
 * a tree of the same shape as the host's, and `new`, where the microvm makes a file before it renames it into the
 * tree. So what is at /home/u/docs/a.txt for the task is, once changed, at tree/home/u/docs/a.txt:
 *
 *	a folder              leads to changes; what the host has in it shows as well
 *	  with S_ISVTX        made by the task; nothing of the host's shows in it
 *	a regular file        with a header, struct mv_delta_header: the file as the task sees it, or, with mode 0,
 *	                      a name of the host's that the task has deleted or moved away
 *
 * Whatever lies in the tree hides what the host has under that name, folders without S_ISVTX excepted. Nothing else
 * is in the tree; a regular file without a good header, or shorter, is one that a power cut has spoilt.
 *
 * A reader must hold every byte and name for hostile: whoever owns the micro-VM writes here what he likes. It opens
 * one name at a time and follows nothing (openat2(2) with RESOLVE_BENEATH, NO_SYMLINKS, NO_XDEV), takes only
 * regular files and folders, and limits depth and number. Native byte order: x86-64 alone.
 *
 * Crashes. A change is done at once: data before the bit that makes it valid, a header before its file gets a
 * name, names by rename(2). After kill -9 of the microvm all is as the guest last saw it. A power cut may take what
 * the guest did not fsync; what it did is there, as fsync(2) of this file system says. */
#ifndef MV_DELTA_H
#define MV_DELTA_H

#include <stddef.h>
#include <stdint.h>

#define MV_STORE_TREE "tree"
#define MV_STORE_NEW  "new"

enum {
	MV_DELTA_MAGIC = 0x31444d41, /* "AMD1" */
	MV_DELTA_BLOCK = 4096,
	/* Places in a regular file. What was never written is a hole. */
	MV_DELTA_BITMAP_AT =
		1 << 26, /* bit i of byte j: block 8 j + i of the data is in this file */
	MV_DELTA_DATA_AT = 1 << 27
};

/* Of the file that the task sees, so that its bitmap fits: 32 MiB. */
#define MV_DELTA_SIZE_MAX (UINT64_C(1) << 40)

/* Which file or folder of the host, and in what condition. ino 0: none. A reader compares all of it before it uses
 * the file: when something differs, the host has changed it since, and it is not what the task saw. */
struct mv_original {
	uint64_t dev;
	uint64_t ino;
	uint64_t size;
	int64_t mtime_ns;
	int64_t ctime_ns;
};

/* At the start of a regular file. The size that the task sees is the length of the file less MV_DELTA_DATA_AT; its
 * times are the file's own. Byte p of it is the original's when p < base_bytes and the bit of p's block is clear;
 * else it is at MV_DELTA_DATA_AT + p, where holes are zeros.
 *
 * base_bytes only falls: truncating cuts it. It is 0 for a new file, and from the first change on for a small
 * original or one that could be cloned (FICLONERANGE), whose bytes were all taken over: then nobody needs the
 * original to read the file. */
struct mv_delta_header {
	uint32_t magic;
	uint32_t
		mode; /* S_IFREG and the permissions the task gave; 0: gone, the file ends with the header */
	uint64_t base_bytes; /* at most the size, and original.size */
	uint64_t shown_ino;  /* st_ino for the task; 0: made from this file's own */
	struct mv_original
		original; /* what the host has under this name, hidden by the file; none: nothing */
	uint64_t checksum; /* mv_delta_checksum() of what is before it */
};

/* Tells a header that was written whole from one that was not; no protection against anybody.
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
