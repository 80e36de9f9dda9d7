#include "agent/acpi.h"

#include <errno.h>
#include <string.h>

#include "microvisor/layout.h"

/* The tables are constant bytes, written as they lie in memory; what varies is the number of devices, and
 * each one's window and interrupt. Section numbers are ACPI 6.5's; lengths and checksums are filled in
 * when a table is placed. */

/* Places of the tables behind AGENT_GPA_ACPI, each with room to spare. */
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
	LENGTH_AT = 4, /* in a table's header, section 5.2.6 */
	CHECKSUM_AT = 9,
	DEVICES_AT = 44 /* in the DSDT, behind its header and the scope's */
};

#define LE16(v) (uint8_t)(v), (uint8_t)((v) >> 8)
#define LE32(v) LE16(v), LE16((v) >> 16)
#define LE64(v) LE32((uint64_t)(v)), LE32((uint64_t)(v) >> 32)
/* A PkgLength of two bytes, section 20.2.4. */
#define PACKAGE(n) (uint8_t)(0x40 | ((n)&15)), (uint8_t)((n) >> 4)

/* OEM id and table id, creator. */
#define HEADER(a, b, c, d, revision)                                                             \
	a, b, c, d, LE32(0), revision, 0, 'A', 'M', 'P', 'O', 'U', 'L', 'M', 'I', 'C', 'R', 'O', \
		'V', 'M', ' ', LE32(1), 'A', 'M', 'P', 'L', LE32(1)

/* Bytes stand in the groups that they mean, which no formatter knows. */
/* clang-format off */

/* Section 5.2.5.3. */
static const uint8_t RSDP[36] = {
	'R', 'S', 'D', ' ', 'P', 'T', 'R', ' ', 0, 'A', 'M', 'P', 'O', 'U', 'L', 2,
	[20] = 36, [24] = LE64(AGENT_GPA_ACPI + XSDT_AT)};

static const uint8_t XSDT[] = {
	HEADER('X', 'S', 'D', 'T', 1), LE64(AGENT_GPA_ACPI + FADT_AT), LE64(AGENT_GPA_ACPI + MADT_AT)};

/* Section 5.2.9: nearly all fields are zero on a hardware-reduced machine. IAPC_BOOT_ARCH at 109: no VGA,
 * no CMOS clock, whose ports Linux would read 20,000 times at boot. Flags at 112: HW_REDUCED_ACPI, no
 * buttons. Then the minor version, the DSDT, the hypervisor's vendor. */
static const uint8_t FADT[276] = {
	HEADER('F', 'A', 'C', 'P', 6), [109] = LE16(1 << 2 | 1 << 5),
	[112] = LE32(1 << 20 | 1 << 5 | 1 << 4), [131] = 5, [140] = LE64(AGENT_GPA_ACPI + DSDT_AT),
	[268] = 'A', 'M', 'P', 'O', 'U', 'L', 'E', ' '};

/* Section 5.2.12: no 8259; one local APIC, enabled; one IOAPIC, from interrupt 0. */
static const uint8_t MADT[] = {
	HEADER('A', 'P', 'I', 'C', 5), LE32(AGENT_GPA_LAPIC), LE32(0),
	0, 8, LE16(0), LE32(1), 1, 12, LE16(0), LE32(AGENT_GPA_IOAPIC), LE32(0)};

/* AML, sections 20.2.5 and 6.4: the few words that a device needs. */
enum {
	AML_ONE = 0x01,
	AML_NAME = 0x08,
	AML_BYTE = 0x0a,
	AML_DWORD = 0x0c,
	AML_STRING = 0x0d,
	AML_SCOPE = 0x10,
	AML_BUFFER = 0x11,
	AML_EXT = 0x5b,
	AML_DEVICE = 0x82,
	EISA_PNP0501 = 0x0105d041,
	RES_IO = 0x47,
	RES_MEMORY32_FIXED = 0x86,
	RES_INTERRUPT = 0x89,
	RES_END = 0x79,
	IRQ_CONSUMER_EDGE_HIGH_EXCLUSIVE = 0x03
};

#define NAME(b, c, d) AML_NAME, '_', b, c, d
/* _CRS with n bytes of resources. */
#define RESOURCES(n) NAME('C', 'R', 'S'), AML_BUFFER, PACKAGE((n) + 4), AML_BYTE, n
/* The interrupt, which comes last, and the end tag: 11 bytes. Edge, so that nobody has to lower a level. */
#define INTERRUPT_AND_END(gsi) \
	RES_INTERRUPT, LE16(6), IRQ_CONSUMER_EDGE_HIGH_EXCLUSIVE, 1, LE32(gsi), RES_END, 0

/* Puts a device's bytes behind the others of the DSDT, and makes the package as long as they are. */
static size_t add(uint8_t *dsdt, size_t at, const uint8_t *bytes, size_t n)
{
	const uint8_t package[] = {PACKAGE(n - 2)};

	memcpy(dsdt + at, bytes, n);
	memcpy(dsdt + at + 2, package, sizeof(package));
	return at + n;
}

static size_t add_virtio(uint8_t *dsdt, size_t at, unsigned i)
{
	const uint8_t bytes[] = {
		AML_EXT, AML_DEVICE, PACKAGE(0), 'V', '0', '0', (uint8_t)('0' + i),
		NAME('H', 'I', 'D'), AML_STRING, 'L', 'N', 'R', 'O', '0', '0', '0', '5', 0,
		NAME('U', 'I', 'D'), AML_BYTE, (uint8_t)i, NAME('C', 'C', 'A'), AML_ONE,
		RESOURCES(12 + 11), RES_MEMORY32_FIXED, LE16(9), 1 /* writable */,
		LE32(MV_GPA_MMIO + (uint64_t)i * MV_DEVICE_WINDOW_BYTES), LE32(MV_DEVICE_WINDOW_BYTES),
		INTERRUPT_AND_END(MV_GSI_FIRST + i)};

	return add(dsdt, at, bytes, sizeof(bytes));
}

/* The console. Linux finds its ports without us, but not its interrupt: a hardware-reduced machine has
 * no old interrupt controller to guess from. Eight ports, aligned to one, decoded in 16 bits. */
static size_t add_serial(uint8_t *dsdt, size_t at)
{
	static const uint8_t bytes[] = {
		AML_EXT, AML_DEVICE, PACKAGE(0), 'C', 'O', 'M', '0', NAME('H', 'I', 'D'), AML_DWORD,
		LE32(EISA_PNP0501), NAME('U', 'I', 'D'), 0, RESOURCES(8 + 11), RES_IO, 1,
		LE16(MV_SERIAL_PORT), LE16(MV_SERIAL_PORT), 1, 8, INTERRUPT_AND_END(MV_GSI_SERIAL)};

	return add(dsdt, at, bytes, sizeof(bytes));
}
/* clang-format on */

static uint8_t checksum(const uint8_t *bytes, size_t n)
{
	uint8_t sum = 0;

	while (n--)
		sum = (uint8_t)(sum + *bytes++);
	return (uint8_t)-sum;
}

static void finish(uint8_t *table, size_t n)
{
	const uint8_t length[] = {LE32(n)};

	memcpy(table + LENGTH_AT, length, sizeof(length));
	table[CHECKSUM_AT] = 0;
	table[CHECKSUM_AT] = checksum(table, n);
}

static void place(uint8_t *table, const uint8_t *bytes, size_t n)
{
	memcpy(table, bytes, n);
	finish(table, n);
}

static void place_dsdt(uint8_t *dsdt, unsigned devices)
{
	static const uint8_t begin[DEVICES_AT] = {
		HEADER('D', 'S', 'D', 'T', 2), AML_SCOPE, 0, 0, '\\', '_', 'S', 'B', '_'};
	size_t n = sizeof(begin);

	memcpy(dsdt, begin, n);
	for (unsigned i = 0; i < devices; i++)
		n = add_virtio(dsdt, n, i);
	n = add_serial(dsdt, n);
	const uint8_t package[] = {PACKAGE(n - 37)};

	memcpy(dsdt + 37, package, sizeof(package));
	finish(dsdt, n);
}

int agent_acpi_write(const struct agent_ram *ram, unsigned devices)
{
	uint8_t *area = agent_ram_window(ram, AGENT_GPA_ACPI, AREA_BYTES);

	if (!area || devices > DEVICES_MAX)
		return -EFBIG;
	/* Two checksums of its own kind: over the first 20 bytes and over all. */
	memcpy(area + RSDP_AT, RSDP, sizeof(RSDP));
	area[RSDP_AT + 8] = checksum(area + RSDP_AT, 20);
	area[RSDP_AT + 32] = checksum(area + RSDP_AT, sizeof(RSDP));
	place(area + XSDT_AT, XSDT, sizeof(XSDT));
	place(area + FADT_AT, FADT, sizeof(FADT));
	place(area + MADT_AT, MADT, sizeof(MADT));
	place_dsdt(area + DSDT_AT, devices);
	return 0;
}
