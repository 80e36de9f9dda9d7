#include "microvisor/vm/acpi.h"

#include <errno.h>
#include <string.h>

#include "microvisor/virtio/device.h"
#include "microvisor/vm/layout.h"
#include "microvisor/vm/serial.h"

/* Places of the tables behind MV_GPA_ACPI, each with room to spare. */
enum {
	RSDP_AT = 0,
	XSDT_AT = 0x40,
	FADT_AT = 0x100,
	MADT_AT = 0x300,
	DSDT_AT = 0x400,
	AREA_BYTES = 0x1000,
	DEVICES_MAX = 8
};

enum {
	HEADER_BYTES = 36,
	FADT_BYTES = 276,
	FADT_MINOR_VERSION = 5
};

/* AML, section 20.2.5 and 6.4: the few words that a device needs. */
enum {
	AML_NAME = 0x08,
	AML_BYTE = 0x0a,
	AML_DWORD = 0x0c,
	AML_STRING = 0x0d,
	AML_SCOPE = 0x10,
	AML_BUFFER = 0x11,
	AML_ZERO = 0x00,
	AML_ONE = 0x01,
	AML_EXT = 0x5b,
	AML_DEVICE = 0x82,
	EISA_PNP0501 = 0x0105d041,
	RES_IO = 0x47,
	RES_MEMORY32_FIXED = 0x86,
	RES_INTERRUPT = 0x89,
	RES_END = 0x79,
	IRQ_CONSUMER_EDGE_HIGH_EXCLUSIVE = 0x03
};

/* One table being written: a window of the area that never overflows but remembers that it would. */
struct table {
	uint8_t *bytes;
	size_t room;
	size_t n;
	bool full;
};

static void put(struct table *t, const void *bytes, size_t n)
{
	if (t->full || n > t->room - t->n) {
		t->full = true;
		return;
	}
	memcpy(t->bytes + t->n, bytes, n);
	t->n += n;
}

static void put_le(struct table *t, uint64_t v, size_t n)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(v >> 8 * i);
	put(t, bytes, n);
}

static void put_zeros(struct table *t, size_t n)
{
	static const uint8_t zeros[FADT_BYTES];

	put(t, zeros, n);
}

static uint8_t checksum(const uint8_t *bytes, size_t n)
{
	uint8_t sum = 0;

	while (n--)
		sum = (uint8_t)(sum + *bytes++);
	return (uint8_t)-sum;
}

/* Section 5.2.6; length and checksum are filled in by finish(). */
static void begin(struct table *t, const char signature[4], uint8_t revision)
{
	put(t, signature, 4);
	put_le(t, 0, 4);
	put_le(t, revision, 1);
	put_le(t, 0, 1);
	put(t, "AMPOULMICROVM ", 14); /* OEM id and table id */
	put_le(t, 1, 4);
	put(t, "AMPL", 4);
	put_le(t, 1, 4);
}

static void finish(struct table *t)
{
	if (t->full)
		return;
	for (size_t i = 0; i < 4; i++)
		t->bytes[4 + i] = (uint8_t)(t->n >> 8 * i);
	t->bytes[9] = 0;
	t->bytes[9] = checksum(t->bytes, t->n);
}

/* Room for a PkgLength in its two-byte form (section 20.2.4), patched when the package ends. */
static size_t package_begin(struct table *t)
{
	size_t at = t->n;

	put_zeros(t, 2);
	return at;
}

static void package_end(struct table *t, size_t at)
{
	size_t n = t->n - at;

	if (t->full || n > 0xfff) {
		t->full = true;
		return;
	}
	t->bytes[at] = (uint8_t)(0x40 | (n & 15));
	t->bytes[at + 1] = (uint8_t)(n >> 4);
}

static void put_name(struct table *t, const char name[4])
{
	put_le(t, AML_NAME, 1);
	put(t, name, 4);
}

/* _CRS begins: a buffer of n bytes of descriptors follows, with the end tag. */
static size_t resources_begin(struct table *t, uint8_t n)
{
	put_name(t, "_CRS");
	put_le(t, AML_BUFFER, 1);
	size_t package = package_begin(t);

	put_le(t, AML_BYTE, 1);
	put_le(t, n, 1);
	return package;
}

/* The interrupt, which comes last, and the end tag. Edge, so that nobody has to lower a level. */
static void resources_end(struct table *t, size_t package, uint32_t gsi)
{
	put_le(t, RES_INTERRUPT, 1);
	put_le(t, 6, 2);
	put_le(t, IRQ_CONSUMER_EDGE_HIGH_EXCLUSIVE, 1);
	put_le(t, 1, 1); /* one interrupt */
	put_le(t, gsi, 4);
	put_le(t, RES_END, 1);
	put_le(t, 0, 1); /* no checksum */
	package_end(t, package);
}

static size_t device_begin(struct table *t, const char name[4])
{
	put_le(t, AML_EXT, 1);
	put_le(t, AML_DEVICE, 1);
	size_t package = package_begin(t);

	put(t, name, 4);
	put_name(t, "_HID");
	return package;
}

static void put_virtio(struct table *t, unsigned i)
{
	const char name[4] = {'V', '0', '0', (char)('0' + i)};
	size_t package = device_begin(t, name);

	put_le(t, AML_STRING, 1);
	put(t, "LNRO0005", 9);
	put_name(t, "_UID");
	put_le(t, AML_BYTE, 1);
	put_le(t, i, 1);
	put_name(t, "_CCA");
	put_le(t, AML_ONE, 1);
	size_t resources = resources_begin(t, 12 + 9 + 2);

	put_le(t, RES_MEMORY32_FIXED, 1);
	put_le(t, 9, 2);
	put_le(t, 1, 1); /* writable */
	put_le(t, MV_GPA_MMIO + (uint64_t)i * MV_DEVICE_WINDOW_BYTES, 4);
	put_le(t, MV_DEVICE_WINDOW_BYTES, 4);
	resources_end(t, resources, MV_GSI_FIRST + i);
	package_end(t, package);
}

/* The console. Linux finds its ports without us, but not its interrupt: a hardware-reduced machine has
 * no old interrupt controller to guess from. */
static void put_serial(struct table *t)
{
	size_t package = device_begin(t, "COM0");

	put_le(t, AML_DWORD, 1);
	put_le(t, EISA_PNP0501, 4);
	put_name(t, "_UID");
	put_le(t, AML_ZERO, 1);
	size_t resources = resources_begin(t, 8 + 9 + 2);

	put_le(t, RES_IO, 1);
	put_le(t, 1, 1); /* decodes 16 bits */
	put_le(t, MV_SERIAL_PORT, 2);
	put_le(t, MV_SERIAL_PORT, 2);
	put_le(t, 1, 1);
	put_le(t, 8, 1); /* ports */
	resources_end(t, resources, MV_GSI_SERIAL);
	package_end(t, package);
}

static void put_dsdt(struct table *t, unsigned devices)
{
	begin(t, "DSDT", 2);
	put_le(t, AML_SCOPE, 1);
	size_t package = package_begin(t);

	put(t, "\\_SB_", 5);
	for (unsigned i = 0; i < devices; i++)
		put_virtio(t, i);
	put_serial(t);
	package_end(t, package);
	finish(t);
}

/* Section 5.2.12: one local APIC, one IOAPIC. */
static void put_madt(struct table *t)
{
	begin(t, "APIC", 5);
	put_le(t, MV_GPA_LAPIC, 4);
	put_le(t, 0, 4); /* no 8259 */
	put_le(t, 0, 1); /* type: local APIC */
	put_le(t, 8, 1);
	put_le(t, 0, 2); /* processor and APIC id */
	put_le(t, 1, 4); /* enabled */
	put_le(t, 1, 1); /* type: IOAPIC */
	put_le(t, 12, 1);
	put_le(t, 0, 2); /* id */
	put_le(t, MV_GPA_IOAPIC, 4);
	put_le(t, 0, 4); /* first interrupt */
	finish(t);
}

/* Section 5.2.9, by offset: nearly all fields are zero on a hardware-reduced machine. */
static void put_fadt(struct table *t)
{
	begin(t, "FACP", 6);
	put_zeros(t, 109 - HEADER_BYTES);
	/* IAPC_BOOT_ARCH: no VGA, no CMOS clock. Without the second Linux reads the clock's ports 20,000
	 * times at boot. */
	put_le(t, 1 << 2 | 1 << 5, 2);
	put_zeros(t, 1);
	put_le(t, 1 << 20 | 1 << 5 | 1 << 4, 4); /* HW_REDUCED_ACPI, no buttons */
	put_zeros(t, 131 - 116);
	put_le(t, FADT_MINOR_VERSION, 1);
	put_zeros(t, 140 - 132);
	put_le(t, MV_GPA_ACPI + DSDT_AT, 8);
	put_zeros(t, 268 - 148);
	put(t, "AMPOULE ", 8); /* hypervisor vendor */
	finish(t);
}

static void put_xsdt(struct table *t)
{
	begin(t, "XSDT", 1);
	put_le(t, MV_GPA_ACPI + FADT_AT, 8);
	put_le(t, MV_GPA_ACPI + MADT_AT, 8);
	finish(t);
}

/* Section 5.2.5.3: two checksums, over the first 20 bytes and over all. */
static void put_rsdp(struct table *t)
{
	put(t, "RSD PTR ", 8);
	put_le(t, 0, 1);
	put(t, "AMPOUL", 6);
	put_le(t, 2, 1);
	put_le(t, 0, 4);
	put_le(t, HEADER_BYTES, 4);
	put_le(t, MV_GPA_ACPI + XSDT_AT, 8);
	put_le(t, 0, 4);
	if (t->full)
		return;
	t->bytes[8] = checksum(t->bytes, 20);
	t->bytes[32] = checksum(t->bytes, t->n);
}

static struct table table_at(uint8_t *area, size_t at, size_t end)
{
	return (struct table){.bytes = area + at, .room = end - at};
}

int mv_acpi_write(const struct mv_mem *mem, unsigned devices)
{
	uint8_t *area = mv_mem_window(mem, MV_GPA_ACPI, AREA_BYTES, true);

	if (!area || devices > DEVICES_MAX)
		return -EFBIG;
	struct table rsdp = table_at(area, RSDP_AT, XSDT_AT);
	struct table xsdt = table_at(area, XSDT_AT, FADT_AT);
	struct table fadt = table_at(area, FADT_AT, MADT_AT);
	struct table madt = table_at(area, MADT_AT, DSDT_AT);
	struct table dsdt = table_at(area, DSDT_AT, AREA_BYTES);

	put_rsdp(&rsdp);
	put_xsdt(&xsdt);
	put_fadt(&fadt);
	put_madt(&madt);
	put_dsdt(&dsdt, devices);
	return rsdp.full || xsdt.full || fadt.full || madt.full || dsdt.full ? -EFBIG : 0;
}
