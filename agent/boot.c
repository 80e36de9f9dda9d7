#include "agent/boot.h"

#include <asm/bootparam.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/acpi.h"
#include "microvisor/layout.h"

enum {
	SECTOR_BYTES = 512,
	HEADER_OFFSET = 0x1f1,     /* of struct setup_header, in the file and in the zero page */
	HEADER_MAGIC = 0x53726448, /* "HdrS" */
	PROTOCOL_MIN = 0x020c,     /* 2.12: xloadflags */
	ENTRY_64_OFFSET = 0x200,   /* of the 64-bit entry, in the protected-mode part */
	LOADER_UNDEFINED = 0xff,
	GPA_GDTR = 0x5e0,
	PAGE_BYTES = 0x1000,
	E820_RAM = 1,
	E820_RESERVED = 2
};

/* All of a file's bytes [offset, offset + n) into guest memory. */
static int read_into(const struct agent_ram *ram, uint64_t gpa, int fd, uint64_t offset, uint64_t n)
{
	uint8_t *at = agent_ram_window(ram, gpa, n);

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
static int kernel_end(const struct setup_header *h, const struct agent_ram *ram, uint64_t *ret_end)
{
	uint64_t begin = h->pref_address > AGENT_GPA_KERNEL ? h->pref_address : AGENT_GPA_KERNEL;

	if (__builtin_add_overflow(begin, h->init_size, ret_end) || *ret_end > ram->n)
		return -EFBIG;
	return 0;
}

static int load_kernel(const struct agent_ram *ram, int fd, const struct setup_header *h)
{
	uint64_t bytes;
	uint64_t setup = ((h->setup_sects ? h->setup_sects : 4) + 1ull) * SECTOR_BYTES;
	int r = file_bytes(fd, &bytes);

	if (r < 0)
		return r;
	if (bytes <= setup + ENTRY_64_OFFSET)
		return -ENOEXEC;
	return read_into(ram, AGENT_GPA_KERNEL, fd, setup, bytes - setup);
}

/* At the top of what the kernel can reach, above the place where it unpacks itself. */
static int load_initrd(const struct agent_ram *ram, int fd, uint64_t floor, struct setup_header *h)
{
	uint64_t top = h->initrd_addr_max + 1ull < ram->n ? h->initrd_addr_max + 1ull : ram->n;
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
	return read_into(ram, gpa, fd, 0, bytes);
}

static int put(const struct agent_ram *ram, uint64_t gpa, const void *bytes, size_t n)
{
	void *at = agent_ram_window(ram, gpa, n);

	if (!at)
		return -EFBIG;
	memcpy(at, bytes, n);
	return 0;
}

static int put_zeropage(const struct agent_ram *ram, const struct setup_header *h)
{
	const struct boot_e820_entry map[] = {
		{0, AGENT_GPA_LOW_END, E820_RAM},
		{AGENT_GPA_LOW_END, AGENT_GPA_KERNEL - AGENT_GPA_LOW_END, E820_RESERVED},
		{AGENT_GPA_KERNEL, ram->n - AGENT_GPA_KERNEL, E820_RAM},
	};
	struct boot_params *params =
		agent_ram_window(ram, AGENT_GPA_ZEROPAGE, sizeof(struct boot_params));

	if (!params)
		return -EFBIG;
	memset(params, 0, sizeof(*params));
	params->hdr = *h;
	params->hdr.type_of_loader = LOADER_UNDEFINED;
	params->hdr.cmd_line_ptr = AGENT_GPA_CMDLINE;
	params->acpi_rsdp_addr = AGENT_GPA_ACPI;
	memcpy(params->e820_table, map, sizeof(map));
	params->e820_entries = sizeof(map) / sizeof(map[0]);
	return 0;
}

#define U16(v) (uint8_t)(v), (uint8_t)((v) >> 8)
#define U32(v) U16(v), U16((v) >> 16)

/* Bytes stand by instruction. */
/* clang-format off */

/* From real mode into long mode, flat, to the kernel's 64-bit entry with RSI at the zero page: what a vCPU is set to
 * by others, it does itself. MSR_IA32_MISC_ENABLE with fast strings, its other bits as
 * they are; EFER.LME; MTRRs on, write-back. */
static const uint8_t START[] = {
	0x2e, 0x66, 0x0f, 0x01, 0x16, U16(GPA_GDTR), /* lgdtl %cs:GDTR */
	0x66, 0xb8, U32(AGENT_GPA_PML4),                /* mov $PML4, %eax */
	0x0f, 0x22, 0xd8,                            /* mov %eax, %cr3 */
	0x66, 0xb8, U32(1 << 5),                     /* mov $PAE, %eax */
	0x0f, 0x22, 0xe0,                            /* mov %eax, %cr4 */
	0x66, 0xb9, U32(0x1a0), 0x0f, 0x32, 0x66, 0x83, 0xc8, 0x01, 0x0f, 0x30,  /* or $1, MISC_ENABLE */
	0x66, 0x31, 0xd2,                            /* xor %edx, %edx */
	0x66, 0xb9, U32(0xc0000080), 0x66, 0xb8, U32(1 << 8), 0x0f, 0x30,        /* wrmsr EFER */
	0x66, 0xb9, U32(0x2ff), 0x66, 0xb8, U32(1 << 11 | 6), 0x0f, 0x30,        /* wrmsr MTRR_DEF_TYPE */
	0x66, 0xb8, U32(0x80000031),                 /* mov $PG|NE|ET|PE, %eax */
	0x0f, 0x22, 0xc0,                            /* mov %eax, %cr0 */
	0x66, 0xea, U32(MV_GPA_START + 87), U16(8),  /* ljmpl $8, the next */
	0xb8, U32(16),                               /* mov $16, %eax */
	0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xe0, 0x8e, 0xe8, 0x8e, 0xd0, /* to ds, es, fs, gs, ss */
	0xbc, U32(AGENT_GPA_STACK),                     /* mov $STACK, %esp */
	0xbe, U32(AGENT_GPA_ZEROPAGE),                  /* mov $ZEROPAGE, %esi */
	0xb8, U32(AGENT_GPA_KERNEL + ENTRY_64_OFFSET),  /* mov $entry, %eax */
	0xff, 0xe0};                                 /* jmp *%rax */
/* clang-format on */

/* The first instructions; flat segments, and the first GiB mapped to itself by 2 MiB pages: what the entry expects.
 * And a BIOS that only resets. */
static int put_tables(const struct agent_ram *ram)
{
	static const uint64_t gdt[] = {0, 0x00af9b000000ffff, 0x00cf93000000ffff,
				       0x008f8b000000ffff};
	static const uint8_t gdtr[] = {U16(sizeof(gdt) - 1), U32(AGENT_GPA_GDT)};
	/* mov $0xfe, %al; out %al, $0x64; hlt; jmp . - 1: Linux restarts a hardware-reduced machine by a
	 * jump to the BIOS, and would run through zeros there for ever. */
	static const uint8_t bios[] = {0xb0, 0xfe, 0xe6, 0x64, 0xf4, 0xeb, 0xfd};
	static const uint64_t pml4 = AGENT_GPA_PDPT | 3;
	static const uint64_t pdpt = AGENT_GPA_PD | 3;
	uint64_t pd[512];
	const struct {
		uint64_t gpa;
		const void *bytes;
		size_t n;
	} parts[] = {{MV_GPA_START, START, sizeof(START)},  {AGENT_GPA_GDT, gdt, sizeof(gdt)},
		     {GPA_GDTR, gdtr, sizeof(gdtr)},        {AGENT_GPA_BIOS, bios, sizeof(bios)},
		     {AGENT_GPA_PML4, &pml4, sizeof(pml4)}, {AGENT_GPA_PDPT, &pdpt, sizeof(pdpt)},
		     {AGENT_GPA_PD, pd, sizeof(pd)}};
	int r = 0;

	for (uint64_t i = 0; i < 512; i++)
		pd[i] = i << 21 | 0x83; /* present, writable, 2 MiB */
	for (size_t i = 0; r == 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
		r = put(ram, parts[i].gpa, parts[i].bytes, parts[i].n);
	return r;
}

void *agent_ram_window(const struct agent_ram *ram, uint64_t gpa, uint64_t n)
{
	return gpa <= ram->n && n <= ram->n - gpa ? ram->bytes + gpa : NULL;
}

int agent_boot_load(const struct agent_ram *ram, int kernel_fd, int initrd_fd, const char *cmdline)
{
	struct setup_header h;
	uint64_t end;
	int r = read_header(kernel_fd, &h);

	if (r < 0)
		return r;
	if (strlen(cmdline) > h.cmdline_size || ram->n > MV_RAM_BYTES_MAX)
		return -EFBIG;
	r = kernel_end(&h, ram, &end);
	if (r == 0)
		r = load_kernel(ram, kernel_fd, &h);
	if (r == 0)
		r = load_initrd(ram, initrd_fd, end, &h);
	if (r == 0)
		r = put(ram, AGENT_GPA_CMDLINE, cmdline, strlen(cmdline) + 1);
	if (r == 0)
		r = put_zeropage(ram, &h);
	return r == 0 ? put_tables(ram) : r;
}

int agent_boot_fill(int memory_fd, uint64_t ram_bytes, int kernel_fd, int initrd_fd,
		    const char *cmdline, struct err *err)
{
	if (ftruncate(memory_fd, (off_t)ram_bytes) < 0)
		return err_set(err, -errno, "cannot size the guest's memory: %m");
	struct agent_ram ram = {.bytes = mmap(NULL, ram_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
					      memory_fd, 0),
				.n = ram_bytes};

	if (ram.bytes == MAP_FAILED)
		return err_set(err, -errno, "cannot map the guest's memory: %m");
	int r = agent_boot_load(&ram, kernel_fd, initrd_fd, cmdline);

	if (r == 0)
		r = agent_acpi_write(&ram, MV_SLOT_COUNT);
	munmap(ram.bytes, ram_bytes);
	return r < 0 ? err_set(err, r, "cannot load the kernel: %s", strerror(-r)) : 0;
}

int agent_boot_make(uint64_t ram_bytes, int kernel_fd, int initrd_fd, const char *cmdline,
		    struct err *err)
{
	int fd = memfd_create("guest-memory", MFD_CLOEXEC);

	if (fd < 0)
		return err_set(err, -errno, "cannot make the guest's memory: %m");
	int r = agent_boot_fill(fd, ram_bytes, kernel_fd, initrd_fd, cmdline, err);

	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}
