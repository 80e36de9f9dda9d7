/* What passes between the microvm and ampoule-init in its guest: vsock ports, control frames, and the
 * launch message. Both sides treat the other's bytes as hostile.
 *
 * The guest connects, the host listens: CONTROL first, then one stream each for STDIN, STDOUT and
 * STDERR after LAUNCH. Context ids as in virtio 1.2, section 5.10.4. All numbers little endian. */
#ifndef MV_GUEST_H
#define MV_GUEST_H

#include <stdint.h>

enum {
	MV_CID_HOST = 2,
	MV_CID_GUEST = 3
};

enum mv_port {
	MV_PORT_CONTROL = 1,
	MV_PORT_STDIN,
	MV_PORT_STDOUT,
	MV_PORT_STDERR
};

/* A control frame is {u32 type, u32 payload bytes, payload}. */
enum mv_frame {
	MV_FRAME_READY =
		1, /* guest: root mounted, waiting; payload u32 MV_GUEST_VERSION, u32 1 when the root is DAX */
	MV_FRAME_LAUNCH,  /* host: payload is the launch message */
	MV_FRAME_STARTED, /* guest: the task was executed; no payload */
	MV_FRAME_FAILED, /* guest: it could not be; payload u32 errno, then text of at most 256 bytes */
	MV_FRAME_EXIT, /* guest: the task ended and its output is flushed; payload u32 wait status as in waitpid(2) */
	MV_FRAME_SIGNAL, /* host: payload u32 signal number for the task's process group */
	MV_FRAME_REHEARSE /* host, before LAUNCH: no payload; do what a launch does, then READY again */
};

enum {
	MV_GUEST_VERSION = 2,
	MV_FRAME_BYTES_MAX = 256 << 10, /* payload, either direction */
	MV_LAUNCH_MAGIC = 0x484c5641,
	MV_LAUNCH_STRINGS_MAX = 1024,
	MV_ENTROPY_BYTES = 32
};

/* The launch message: this header, then `strings` times {u32 bytes, bytes}, without terminators and
 * without NUL: argc arguments, envc environment entries "NAME=value", one working folder, mountc view
 * roots ("/home"). argv[0] is the guest path to execute. */
struct mv_launch_header {
	uint32_t magic;
	uint32_t total_bytes; /* header and strings */
	uint32_t argc;        /* at least 1 */
	uint32_t envc;
	uint32_t mountc;
	uint32_t uid;           /* of the task in the guest; its gid is the same number */
	uint64_t wall_clock_ns; /* since the epoch: CLOCK_REALTIME is stepped to it */
	uint8_t entropy[MV_ENTROPY_BYTES];
	uint32_t
		processes; /* of the task's uid at once, threads counted; 0: no limit. Root has none */
	uint32_t reserved;
};

/* The virtio-fs tag; each view root is a folder at the top of its tree, bind-mounted to its place. */
#define MV_VIEW_TAG "view"

#endif
