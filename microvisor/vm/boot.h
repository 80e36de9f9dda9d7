/* Loads a bzImage and an initramfs by the 64-bit boot protocol (Documentation/x86/boot.rst).
 *
 * Everything is read straight into guest memory; neither file is trusted: image manifests are signed,
 * but a bad kernel must hurt only its own guest. Works on any struct mv_mem, so tests need no KVM. */
#ifndef MV_VM_BOOT_H
#define MV_VM_BOOT_H

#include <stddef.h>
#include <stdint.h>

#include "microvisor/virtio/mem.h"

/* Loads both (descriptors borrowed), the command line (terminated), the memory map, page tables and
 * segments. The guest's first instruction is at *ret_entry_gpa, with RSI = MV_GPA_ZEROPAGE.
 * -ENOEXEC: not a 64-bit bzImage of protocol 2.12 or later; -EFBIG: kernel, initramfs or command line
 * do not fit; -EIO: a file ended early; else -errno. */
int mv_boot_load(const struct mv_mem *mem, uint64_t ram_bytes, int kernel_fd, int initrd_fd,
		 const char *cmdline, uint64_t *ret_entry_gpa) __attribute__((warn_unused_result));

#endif
