/* The control connection's frames as the host reads them (guest.h): collected, checked, and held to
 * their order. Pure: no device, no descriptor.
 *
 *	guest: READY        host: LAUNCH        guest: STARTED        guest: EXIT
 *
 * FAILED may come in place of any of the guest's frames before STARTED, and is the last one, like EXIT.
 * A frame at another time, of another length or of an unknown type gives -EBADMSG: the guest is not
 * what was signed, and the micro-VM ends. Main loop only. */
#ifndef MV_GUEST_FRAMES_H
#define MV_GUEST_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "microvisor/guest.h"

enum {
	MV_FAILED_TEXT_MAX = 256,
	MV_FRAME_HEADER_BYTES = 8,
	MV_GUEST_FRAME_MAX = MV_FRAME_HEADER_BYTES + 4 + MV_FAILED_TEXT_MAX
};

enum mv_frames_state {
	MV_FRAMES_BOOTING,  /* expects READY */
	MV_FRAMES_READY,    /* LAUNCH is to be sent: nothing may come, save FAILED */
	MV_FRAMES_LAUNCHED, /* expects STARTED */
	MV_FRAMES_RUNNING,  /* expects EXIT */
	MV_FRAMES_OVER      /* nothing may come */
};

/* All zero is the start. Fields are valid from the frame on that brings them. */
struct mv_frames {
	enum mv_frames_state state;
	uint32_t is_dax;                      /* READY */
	uint32_t wait_status;                 /* EXIT */
	uint32_t error;                       /* FAILED; 1..4095 */
	char failure[MV_FAILED_TEXT_MAX + 1]; /* FAILED; printable ASCII, other bytes as '?' */
	size_t have;
	uint8_t bytes[MV_GUEST_FRAME_MAX];
};

/* Where the next bytes of the stream go, and how many are wanted there: never more than one frame has. */
uint8_t *mv_frames_room(struct mv_frames *control, size_t *ret_n);
/* n of them came. The frame's type (enum mv_frame) when one was completed and is in order, 0 when more bytes
 * are needed, -EBADMSG. When LAUNCH was sent the caller sets the state. */
int mv_frames_added(struct mv_frames *control, size_t n) __attribute__((warn_unused_result));

#endif
