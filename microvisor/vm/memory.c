#include "microvisor/vm/memory.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "microvisor/layout.h"
#include "microvisor/vm/log.h"

enum {
	SLOT_RAM,
	SLOT_ROOT
};

static const uint64_t ROOT_BYTES_MAX = UINT64_C(64) << 30;

static struct mv_mem_region *add_region(struct mv_mem *mem, uint64_t gpa, uint64_t bytes, void *hva,
					bool writable)
{
	struct mv_mem_region *r = &mem->regions[mem->count++];

	*r = (struct mv_mem_region){.gpa = gpa, .bytes = bytes, .hva = hva, .writable = writable};
	return r;
}

static int map_ram(struct mv_memory *memory, struct mv_kvm *kvm, const struct mv_ram *ram)
{
	struct stat st;

	if (fstat(ram->fd, &st) < 0)
		return -errno;
	/* Beyond the end of a file there is a SIGBUS. */
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != ram->bytes)
		return -EINVAL;
	void *hva = mmap(NULL, memory->ram_bytes, PROT_READ | PROT_WRITE,
			 (ram->is_shared ? MAP_SHARED : MAP_PRIVATE) | MAP_NORESERVE, ram->fd, 0);

	if (hva == MAP_FAILED)
		return -errno;
	add_region(&memory->mem, 0, memory->ram_bytes, hva, true);
	/* What the guest holds has no place in a core file. */
	(void)madvise(hva, memory->ram_bytes, MADV_DONTDUMP);
	return mv_kvm_add_slot(kvm, SLOT_RAM, 0, memory->ram_bytes, hva, true);
}

static int map_root(struct mv_memory *memory, struct mv_kvm *kvm, int root_fd)
{
	struct stat st;

	if (fstat(root_fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || (uint64_t)st.st_size > ROOT_BYTES_MAX)
		return -EINVAL;
	memory->root_bytes = ((uint64_t)st.st_size + MV_RAM_ALIGN - 1) & ~(MV_RAM_ALIGN - 1);
	/* The tail first, as zeros that nobody can write; then the file over its beginning. */
	void *hva = mmap(NULL, memory->root_bytes, PROT_READ,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (hva == MAP_FAILED)
		return -errno;
	add_region(&memory->mem, MV_GPA_ROOT, memory->root_bytes, hva, false);
	if (mmap(hva, (size_t)st.st_size, PROT_READ, MAP_SHARED | MAP_FIXED, root_fd, 0) ==
	    MAP_FAILED)
		return -errno;
	return mv_kvm_add_slot(kvm, SLOT_ROOT, MV_GPA_ROOT, memory->root_bytes, hva, false);
}

int mv_memory_open(struct mv_memory *memory, struct mv_kvm *kvm, const struct mv_ram *ram,
		   int root_fd)
{
	*memory = (struct mv_memory){.ram_bytes = ram->bytes};
	if (ram->bytes < MV_RAM_BYTES_MIN || ram->bytes > MV_RAM_BYTES_MAX ||
	    ram->bytes % MV_RAM_ALIGN)
		return -EINVAL;
	int r = map_ram(memory, kvm, ram);

	if (r == 0)
		r = map_root(memory, kvm, root_fd);
	if (r < 0) {
		errno = -r;
		mv_log(MV_LOG_ERROR, "memory: cannot map the guest's memory: %m");
		mv_memory_close(memory);
	}
	return r;
}

void mv_memory_close(struct mv_memory *memory)
{
	for (unsigned i = 0; i < memory->mem.count; i++)
		munmap(memory->mem.regions[i].hva, memory->mem.regions[i].bytes);
	memory->mem.count = 0;
}
