/* The memory that a guest begins with: a bzImage and an initramfs as the 64-bit boot protocol wants them
 * (Documentation/x86/boot.rst), command line, memory map, page tables, and the ACPI tables.
 *
 * The agent lays it out, so that the microvm knows of no kernel: it maps the file copy-on-write, as it maps a
 * template's. Neither kernel nor initramfs is trusted: manifests are signed, but a bad kernel must hurt only its
 * own guest. Any thread. */
#ifndef AGENT_BOOT_H
#define AGENT_BOOT_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"

/* Below 1 MiB: what the 64-bit boot protocol wants prepared, then the ACPI tables. */
#define AGENT_GPA_GDT      UINT64_C(0x500)
#define AGENT_GPA_ZEROPAGE UINT64_C(0x7000)
#define AGENT_GPA_STACK    UINT64_C(0x8ff0)
#define AGENT_GPA_PML4     UINT64_C(0x9000)
#define AGENT_GPA_PDPT     UINT64_C(0xa000)
#define AGENT_GPA_PD       UINT64_C(0xb000)
#define AGENT_GPA_CMDLINE  UINT64_C(0x20000)
#define AGENT_GPA_LOW_END  UINT64_C(0x9fc00) /* end of low memory; reserved from here to 1 MiB */
#define AGENT_GPA_ACPI     UINT64_C(0xe0000)
#define AGENT_GPA_BIOS     UINT64_C(0xffff0) /* where a real-mode reset jumps to */
#define AGENT_GPA_KERNEL   UINT64_C(0x100000)
#define AGENT_GPA_IOAPIC   UINT64_C(0xfec00000)
#define AGENT_GPA_LAPIC    UINT64_C(0xfee00000)

struct agent_ram {
	uint8_t *bytes; /* borrowed, zeros */
	uint64_t n;
};

/* [gpa, gpa + n) of it; NULL when that is not all inside. */
void *agent_ram_window(const struct agent_ram *ram, uint64_t gpa, uint64_t n);
/* Loads both (descriptors borrowed) and the command line (terminated). The guest begins in real mode at MV_GPA_START. -ENOEXEC: not a 64-bit bzImage of protocol 2.12 or later; -EFBIG: kernel, initramfs or
 * command line do not fit; -EIO: a file ended early; else -errno. */
int agent_boot_load(const struct agent_ram *ram, int kernel_fd, int initrd_fd,
		    const char *cmdline) must_check;
/* All of it into a new file of ram_bytes: a descriptor, the caller's. */
int agent_boot_make(uint64_t ram_bytes, int kernel_fd, int initrd_fd, const char *cmdline,
		    struct err *err) must_check;
/* Into an empty one (borrowed). */
int agent_boot_fill(int memory_fd, uint64_t ram_bytes, int kernel_fd, int initrd_fd,
		    const char *cmdline, struct err *err) must_check;

#endif
