/* Where things lie in a guest's physical address space, and which interrupt belongs to which device. */
#ifndef MV_VM_LAYOUT_H
#define MV_VM_LAYOUT_H

#include <stdint.h>

/* Below 1 MiB: what the 64-bit boot protocol wants prepared, then the ACPI tables. */
#define MV_GPA_GDT      UINT64_C(0x500)
#define MV_GPA_IDT      UINT64_C(0x520)
#define MV_GPA_ZEROPAGE UINT64_C(0x7000)
#define MV_GPA_STACK    UINT64_C(0x8ff0)
#define MV_GPA_PML4     UINT64_C(0x9000)
#define MV_GPA_PDPT     UINT64_C(0xa000)
#define MV_GPA_PD       UINT64_C(0xb000)
#define MV_GPA_CMDLINE  UINT64_C(0x20000)
#define MV_GPA_LOW_END  UINT64_C(0x9fc00) /* end of low memory; reserved from here to 1 MiB */
#define MV_GPA_ACPI     UINT64_C(0xe0000)
#define MV_GPA_BIOS     UINT64_C(0xffff0) /* where a real-mode reset jumps to */
#define MV_GPA_KERNEL   UINT64_C(0x100000)

/* RAM begins at 0 and ends at or below MV_RAM_BYTES_MAX, under the device windows. */
#define MV_RAM_BYTES_MIN (UINT64_C(64) << 20)
#define MV_RAM_BYTES_MAX (UINT64_C(3) << 30)
#define MV_GPA_MMIO      UINT64_C(0xd0000000)
#define MV_GPA_IOAPIC    UINT64_C(0xfec00000)
#define MV_GPA_LAPIC     UINT64_C(0xfee00000)
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
	MV_GSI_SERIAL = 4,
	MV_GSI_FIRST = 5 /* of device slot 0; edge, one each */
};

#endif
