#include "microvisor/vm/boot.h"

#include <asm/bootparam.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "microvisor/vm/layout.h"

enum {
	SECTOR_BYTES = 512,
	HEADER_OFFSET = 0x1f1,     /* of struct setup_header, in the file and in the zero page */
	HEADER_MAGIC = 0x53726448, /* "HdrS" */
	PROTOCOL_MIN = 0x020c,     /* 2.12: xloadflags */
	ENTRY_64_OFFSET = 0x200,   /* of the 64-bit entry, in the protected-mode part */
	LOADER_UNDEFINED = 0xff,
	PAGE_BYTES = 0x1000,
	E820_RAM = 1,
	E820_RESERVED = 2
};

/* All of a file's bytes [offset, offset + n) into guest memory. */
static int read_into(const struct mv_mem *mem, uint64_t gpa, int fd, uint64_t offset, uint64_t n)
{
	uint8_t *at = mv_mem_window(mem, gpa, n, true);

	if (!at)
		return -EFBIG;
	while (n > 0) {
		ssize_t r = pread(fd, at, n, (off_t)offset);

		if (r < 0 && errno != EINTR)
			return -errno;
		if (r == 0)
			return -EIO;
		if (r > 0) {
			at += r;
			offset += (uint64_t)r;
			n -= (uint64_t)r;
		}
	}
	return 0;
}

static int file_bytes(int fd, uint64_t *ret_bytes)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	*ret_bytes = (uint64_t)st.st_size;
	return 0;
}

/* Reads and checks the setup header; it says of its own length how much of it is valid. */
static int read_header(int fd, struct setup_header *ret_header)
{
	uint8_t sector[HEADER_OFFSET + sizeof(*ret_header)];
	struct setup_header h = {0};

	if (pread(fd, sector, sizeof(sector), 0) != (ssize_t)sizeof(sector))
		return -ENOEXEC;
	/* Offset 0x201 is the low byte of the jump that begins at 0x200 and ends the header. */
	size_t valid = 0x202u + sector[0x201] - HEADER_OFFSET;

	memcpy(&h, sector + HEADER_OFFSET, valid < sizeof(h) ? valid : sizeof(h));
	if (h.header != HEADER_MAGIC || h.version < PROTOCOL_MIN ||
	    !(h.xloadflags & XLF_KERNEL_64) || !(h.loadflags & LOADED_HIGH))
		return -ENOEXEC;
	*ret_header = h;
	return 0;
}

/* The kernel unpacks itself to where it was linked, or where it stands if that is higher, and needs
 * init_size bytes there: nothing else may lie below the end of that. */
static int kernel_end(const struct setup_header *h, uint64_t ram_bytes, uint64_t *ret_end)
{
	uint64_t begin = h->pref_address > MV_GPA_KERNEL ? h->pref_address : MV_GPA_KERNEL;

	if (__builtin_add_overflow(begin, h->init_size, ret_end) || *ret_end > ram_bytes)
		return -EFBIG;
	return 0;
}

static int load_kernel(const struct mv_mem *mem, int fd, const struct setup_header *h)
{
	uint64_t bytes;
	uint64_t setup = ((h->setup_sects ? h->setup_sects : 4) + 1ull) * SECTOR_BYTES;
	int r = file_bytes(fd, &bytes);

	if (r < 0)
		return r;
	if (bytes <= setup + ENTRY_64_OFFSET)
		return -ENOEXEC;
	return read_into(mem, MV_GPA_KERNEL, fd, setup, bytes - setup);
}

/* At the top of what the kernel can reach, above the place where it unpacks itself. */
static int load_initrd(const struct mv_mem *mem, uint64_t ram_bytes, int fd, uint64_t floor,
		       struct setup_header *h)
{
	uint64_t top =
		h->initrd_addr_max + 1ull < ram_bytes ? h->initrd_addr_max + 1ull : ram_bytes;
	uint64_t bytes;
	int r = file_bytes(fd, &bytes);

	if (r < 0)
		return r;
	if (top < floor || bytes > top - floor)
		return -EFBIG;
	uint64_t gpa = (top - bytes) & ~(uint64_t)(PAGE_BYTES - 1);

	if (gpa < floor)
		return -EFBIG;
	h->ramdisk_image = (uint32_t)gpa;
	h->ramdisk_size = (uint32_t)bytes;
	return read_into(mem, gpa, fd, 0, bytes);
}

static int put(const struct mv_mem *mem, uint64_t gpa, const void *bytes, size_t n)
{
	void *at = mv_mem_window(mem, gpa, n, true);

	if (!at)
		return -EFBIG;
	memcpy(at, bytes, n);
	return 0;
}

static int put_zeropage(const struct mv_mem *mem, uint64_t ram_bytes, const struct setup_header *h)
{
	const struct boot_e820_entry map[] = {
		{0, MV_GPA_LOW_END, E820_RAM},
		{MV_GPA_LOW_END, MV_GPA_KERNEL - MV_GPA_LOW_END, E820_RESERVED},
		{MV_GPA_KERNEL, ram_bytes - MV_GPA_KERNEL, E820_RAM},
	};
	struct boot_params *params =
		mv_mem_window(mem, MV_GPA_ZEROPAGE, sizeof(struct boot_params), true);

	if (!params)
		return -EFBIG;
	memset(params, 0, sizeof(*params));
	params->hdr = *h;
	params->hdr.type_of_loader = LOADER_UNDEFINED;
	params->hdr.cmd_line_ptr = MV_GPA_CMDLINE;
	params->acpi_rsdp_addr = MV_GPA_ACPI;
	memcpy(params->e820_table, map, sizeof(map));
	params->e820_entries = sizeof(map) / sizeof(map[0]);
	return 0;
}

/* Flat segments, and the first GiB mapped to itself by 2 MiB pages: what the entry expects. And a BIOS
 * that only resets. */
static int put_tables(const struct mv_mem *mem)
{
	static const uint64_t gdt[] = {0, 0x00af9b000000ffff, 0x00cf93000000ffff,
				       0x008f8b000000ffff};
	static const uint64_t idt = 0;
	/* mov $0xfe, %al; out %al, $0x64; hlt; jmp . - 1: Linux restarts a hardware-reduced machine by a
	 * jump to the BIOS, and would run through zeros there for ever. */
	static const uint8_t bios[] = {0xb0, 0xfe, 0xe6, 0x64, 0xf4, 0xeb, 0xfd};
	const uint64_t pml4 = MV_GPA_PDPT | 3;
	const uint64_t pdpt = MV_GPA_PD | 3;
	uint64_t pd[512];

	for (uint64_t i = 0; i < 512; i++)
		pd[i] = i << 21 | 0x83; /* present, writable, 2 MiB */
	int r = put(mem, MV_GPA_GDT, gdt, sizeof(gdt));

	if (r == 0)
		r = put(mem, MV_GPA_IDT, &idt, sizeof(idt));
	if (r == 0)
		r = put(mem, MV_GPA_BIOS, bios, sizeof(bios));
	if (r == 0)
		r = put(mem, MV_GPA_PML4, &pml4, sizeof(pml4));
	if (r == 0)
		r = put(mem, MV_GPA_PDPT, &pdpt, sizeof(pdpt));
	return r < 0 ? r : put(mem, MV_GPA_PD, pd, sizeof(pd));
}

int mv_boot_load(const struct mv_mem *mem, uint64_t ram_bytes, int kernel_fd, int initrd_fd,
		 const char *cmdline, uint64_t *ret_entry_gpa)
{
	struct setup_header h;
	uint64_t end;
	int r = read_header(kernel_fd, &h);

	if (r < 0)
		return r;
	if (strlen(cmdline) > h.cmdline_size || ram_bytes > MV_RAM_BYTES_MAX)
		return -EFBIG;
	r = kernel_end(&h, ram_bytes, &end);
	if (r == 0)
		r = load_kernel(mem, kernel_fd, &h);
	if (r == 0)
		r = load_initrd(mem, ram_bytes, initrd_fd, end, &h);
	if (r == 0)
		r = put(mem, MV_GPA_CMDLINE, cmdline, strlen(cmdline) + 1);
	if (r == 0)
		r = put_zeropage(mem, ram_bytes, &h);
	if (r == 0)
		r = put_tables(mem);
	if (r < 0)
		return r;
	*ret_entry_gpa = MV_GPA_KERNEL + ENTRY_64_OFFSET;
	return 0;
}
