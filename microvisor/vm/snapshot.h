/* The state file of a template: all of a parked machine but its memory, in one struct of fixed size.
 *
 * Life: a template's machine boots, init parks on its control connection, the machine is saved. A clone
 * maps the memory copy-on-write, reads this and goes on. It is read whole, once, and every number in it
 * that we use is checked; the key ties it to image, shape, CPU, kernel and microvisor, and is the
 * agent's to choose. Main thread, no vCPU running. */
#ifndef MV_VM_SNAPSHOT_H
#define MV_VM_SNAPSHOT_H

#include "microvisor/layout.h"
#include "microvisor/microvisor.h"
#include "microvisor/virtio/vsock.h"
#include "microvisor/vm/state.h"

enum {
	MV_SNAPSHOT_MAGIC = 0x50534d41, /* "AMSP" */
	MV_SNAPSHOT_VERSION = 1,
	MV_SNAPSHOT_SERIAL = 8
};

struct mv_snapshot {
	uint32_t magic;
	uint32_t version;
	uint64_t bytes;    /* of the whole file */
	uint64_t checksum; /* of everything behind it: against damage, not against an enemy */
	uint8_t key[MV_KEY_BYTES];
	uint64_t ram_bytes;
	uint64_t root_bytes;
	uint32_t is_dax;
	uint8_t serial[MV_SNAPSHOT_SERIAL]; /* the UART's registers */
	struct mv_device_state devices[MV_SLOT_COUNT];
	struct mv_port_counts vsock;
	struct mv_cpu_state cpu;
};

/* What a snapshot must have been made for. */
struct mv_snapshot_want {
	const uint8_t *key;
	uint64_t ram_bytes;
	uint64_t root_bytes;
};

/* Sets magic, version, length and checksum; the rest is filled. */
void mv_snapshot_finish(struct mv_snapshot *snapshot);
/* NULL, or the reason why it is not one that can be restored: devices are checked when they are. */
const char *mv_snapshot_find_fault(const struct mv_snapshot *snapshot,
				   const struct mv_snapshot_want *want);
/* Reads a file (borrowed) and checks it. -EBADMSG: logged with the reason; else -errno. */
int mv_snapshot_read(int fd, const struct mv_snapshot_want *want, struct mv_snapshot *ret_snapshot)
	__attribute__((warn_unused_result));
/* Writes it at the file's beginning (borrowed). -errno. */
int mv_snapshot_write(int fd, const struct mv_snapshot *snapshot)
	__attribute__((warn_unused_result));

#endif
