/* The ACPI tables (ACPI 6.5): how a stock kernel learns of its one CPU, the interrupt chip and the
 * virtio devices, without PCI and without a kernel command line.
 *
 * Hardware-reduced: no timer, no interrupt controller of the old PC, no power states. The DSDT has one
 * device LNRO0005 per slot, which Linux's virtio_mmio driver binds to, in the order of the slots, and the
 * serial port. */
#ifndef MV_VM_ACPI_H
#define MV_VM_ACPI_H

#include "microvisor/virtio/mem.h"

/* Writes the tables from MV_GPA_ACPI on, the RSDP first, for `devices` virtio-mmio windows (at most 8).
 * -EFBIG when they do not fit below 1 MiB or outside memory. */
int mv_acpi_write(const struct mv_mem *mem, unsigned devices) __attribute__((warn_unused_result));

#endif
