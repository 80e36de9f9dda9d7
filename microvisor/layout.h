/* Where things lie in a guest's physical address space, and which interrupt belongs to which device: for the
 * microvm, and for whoever lays out the memory that a guest begins with (agent/boot.h). */
#ifndef MV_LAYOUT_H
#define MV_LAYOUT_H

#include <stdint.h>

/* Where the first instruction lies, in real mode. */
#define MV_GPA_START UINT64_C(0x1000)

/* RAM begins at 0 and ends at or below MV_RAM_BYTES_MAX, under the device windows. */
#define MV_RAM_BYTES_MIN (UINT64_C(64) << 20)
#define MV_RAM_BYTES_MAX (UINT64_C(3) << 30)
#define MV_GPA_MMIO      UINT64_C(0xd0000000)
/* KVM keeps three pages for itself here, inside the hole where no RAM is. */
#define MV_GPA_TSS  UINT64_C(0xfffbd000)
#define MV_GPA_ROOT (UINT64_C(4) << 30) /* the golden root, as virtio-pmem */

/* Memory is given in pieces of this; it also aligns the golden root, which libnvdimm asks for. */
#define MV_RAM_ALIGN (UINT64_C(2) << 20)

enum mv_device_slot {
	MV_SLOT_PMEM,
	MV_SLOT_RNG,
	MV_SLOT_VSOCK,
	MV_SLOT_FS,
	MV_SLOT_COUNT
};

enum {
	MV_DEVICE_WINDOW_BYTES = 0x1000, /* of MMIO, one for each slot from MV_GPA_MMIO on */
	MV_SERIAL_PORT = 0x3f8,          /* eight ports from here */
	MV_GSI_SERIAL = 4,
	MV_GSI_FIRST = 5 /* of device slot 0; edge, one each */
};

#endif
