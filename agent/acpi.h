/* The ACPI tables (ACPI 6.5): how a stock kernel learns of its one CPU, the interrupt chip and the
 * virtio devices, without PCI and without a kernel command line.
 *
 * Hardware-reduced: no timer, no interrupt controller of the old PC, no power states. The DSDT has one
 * device LNRO0005 per slot, which Linux's virtio_mmio driver binds to, in the order of the slots, and the
 * serial port. */
#ifndef AGENT_ACPI_H
#define AGENT_ACPI_H

#include "agent/boot.h"

/* Writes the tables from AGENT_GPA_ACPI on, the RSDP first, for `devices` virtio-mmio windows (at most 8).
 * -EFBIG when they do not fit below 1 MiB or outside memory. */
int agent_acpi_write(const struct agent_ram *ram, unsigned devices) must_check;

#endif
