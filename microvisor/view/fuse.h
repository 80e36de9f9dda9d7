/* The FUSE server of the view (linux/fuse.h, protocol 7.31 and later): request bytes in, reply bytes out.
 *
 * A request is hostile in every byte. One that breaks the protocol gets an error reply, or none when even
 * its header is broken; nothing a guest sends ends the process. All memory is allocated by mv_fuse_new();
 * nodes and handles have fixed caps. Called with the file system device's lock held. */
#ifndef MV_VIEW_FUSE_H
#define MV_VIEW_FUSE_H

#include <stddef.h>
#include <stdint.h>

#include "microvisor/view/view.h"

enum {
	MV_FUSE_REQUEST_MAX = 8192, /* longer ones are refused; WRITE is limited to 4 KiB by INIT */
	MV_FUSE_READ_MAX = 256 << 10, /* bytes of one READ */
	MV_FUSE_REPLY_MAX = MV_FUSE_READ_MAX + 4096
};

struct mv_fuse; /* opaque */

/* A server over view (borrowed, outlives it). NULL when out of memory. */
struct mv_fuse *mv_fuse_new(struct mv_view *view);
void mv_fuse_free(struct mv_fuse *fuse);
/* Forgets every handle, node and the session, as after a device reset. */
void mv_fuse_reset(struct mv_fuse *fuse);

/* Serves one request of n bytes; from tells the exit that carried it (its claimed uid and pid come from
 * the request). room is the space the guest gave for the reply: the reply never has more bytes. Returns
 * the reply's length; 0 when there is none (FORGET, a broken header, or no room for an error).
 * *ret_reply is borrowed until the next call. */
size_t mv_fuse_serve(struct mv_fuse *fuse, const struct mv_exit *from, const void *request,
		     size_t n, size_t room, const void **ret_reply);

#endif
