/* The view: the one narrowed file tree that a micro-VM sees of the host, and the FUSE server that shows it
 * (linux/fuse.h, protocol 7.31 and later): request bytes in, reply bytes out.
 *
 * Made of shares before the start: single files, and folders that are detached mount clones. Folders on
 * the way to a share, or to a place that a rule names, are synthetic; what a rule seals looks like a
 * folder that cannot be entered. Everything else is hidden. Every access is arbitrated by its full host
 * path, so a new policy acts on the next access. No original is ever written: what a task changes goes to the
 * store, when there is one, and is what it sees from then on.
 *
 * A request is hostile in every byte. One that breaks the protocol gets an error reply, or none when even
 * its header is broken; nothing a guest sends ends the process.
 *
 * Life cycle: new, add each share, then serve requests through virtio/devices.h, then free. No lock inside:
 * the file system device's lock guards it once the machine runs. All memory is allocated by
 * mv_view_new(); nodes and handles have fixed caps. */
#ifndef MV_VIEW_VIEW_H
#define MV_VIEW_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "microvisor/arbiter/arbiter.h"
#include "microvisor/microvisor.h"

enum {
	MV_VIEW_NODES_MAX =
		65536, /* files and folders the guest may know at a time; ENFILE above */
	MV_VIEW_HANDLES_MAX = 512, /* files and folders open at a time; ENFILE above */
	/* What RLIMIT_NOFILE must leave for the view besides its shares. */
	MV_VIEW_FDS_MAX = 2 * (MV_VIEW_NODES_MAX + MV_VIEW_HANDLES_MAX) + 8,
	MV_FUSE_WRITE_MAX = 128 << 10,                  /* bytes of one WRITE, as INIT says */
	MV_FUSE_REQUEST_MAX = MV_FUSE_WRITE_MAX + 4096, /* longer ones are refused */
	MV_FUSE_READ_MAX = 256 << 10,                   /* bytes of one READ */
	MV_FUSE_REPLY_MAX = MV_FUSE_READ_MAX + 4096
};

struct mv_view; /* opaque */

/* An empty view: /home, /media, /mnt and /srv. Files appear as owned by uid (the task's, in the guest).
 * arbiter is borrowed and outlives the view. NULL when out of memory. */
struct mv_view *mv_view_new(struct mv_arbiter *arbiter, uint32_t uid);
void mv_view_free(struct mv_view *view);

/* Another owner of its files, before the first request. */
void mv_view_own(struct mv_view *view, uint32_t uid);

/* Adds a share at a canonical host path. Takes fd, also on error. -EINVAL: not below one of the four
 * roots, not canonical, an unknown kind, or the descriptor is not of that kind; -EEXIST: the path is
 * taken; -ENOSPC: more than MV_SHARES_MAX; else -errno. Only before the first request. */
int mv_view_add(struct mv_view *view, enum mv_share_kind kind, const char *path, size_t n, int fd)
	__attribute__((warn_unused_result));

/* Lets the view be written to: changes go to the store fd (taken, also on error), delta.h, of at most bytes_max.
 * An original up to whole_bytes_max is taken over whole at its first change. -errno. Only before the first
 * request. */
int mv_view_set_store(struct mv_view *view, int fd, uint64_t bytes_max, uint64_t whole_bytes_max)
	__attribute__((warn_unused_result));

/* Serves one request of n bytes; from tells the exit that carried it (its claimed uid and pid come from
 * the request). room is the space the guest gave for the reply: the reply never has more bytes. Returns
 * the reply's length; 0 when there is none (FORGET, a broken header, or no room for an error).
 * *ret_reply is borrowed until the next call. */
size_t mv_view_serve(struct mv_view *view, const struct mv_exit *from, const void *request,
		     size_t n, size_t room, const void **ret_reply);
/* Forgets every handle, node and the session, as after a device reset. */
void mv_view_reset(struct mv_view *view);

#endif
