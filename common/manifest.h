/* The manifest of a golden image: what the builder signs and the endpoint believes.
 *
 * JSON, signed as bytes with SIGN_PURPOSE_IMAGE:
 *	{"ampoule_image": 1, "name": "debian-docs", "version": 3, "arch": "x86_64", "created": "2026-...Z",
 *	 "cmdline": "...", "shapes": [{"memory_mib": 256, "cpus": 1}],
 *	 "files": {"kernel": {"digest": "<64 hex>", "bytes": 123}, "initramfs": {...}, "root": {...},
 *	           "programs": {...}}}
 * The file "programs" lists what can be run, a line each: PATH TAB RESOLVED-PATH ("/usr/bin/python3",
 * "/usr/bin/python3.11"), sorted, guest paths after symlinks on the right. */
#ifndef COMMON_MANIFEST_H
#define COMMON_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/digest.h"
#include "common/err.h"

enum {
	MANIFEST_BYTES_MAX = 64 << 10,
	MANIFEST_NAME_MAX = 64,
	MANIFEST_CMDLINE_MAX = 1024,
	MANIFEST_SHAPES_MAX = 4
};

enum manifest_file {
	MANIFEST_KERNEL,
	MANIFEST_INITRAMFS,
	MANIFEST_ROOT,
	MANIFEST_PROGRAMS,
	MANIFEST_FILES
};

struct manifest {
	char name[MANIFEST_NAME_MAX]; /* [a-z0-9.-] */
	uint64_t version;
	char cmdline[MANIFEST_CMDLINE_MAX];
	size_t shape_count;
	struct {
		uint32_t memory_mib;
		uint32_t cpus;
	} shapes[MANIFEST_SHAPES_MAX];
	struct {
		uint8_t digest[DIGEST_BYTES];
		uint64_t bytes;
	} files[MANIFEST_FILES];
};

/* "kernel", "initramfs", "root", "programs". */
const char *manifest_file_name(enum manifest_file file);
/* Parses and checks everything; unknown keys are refused. -EINVAL with the key's path in err. */
int manifest_parse(const void *json, size_t n, struct manifest *out, struct err *err) must_check;
/* Finds program's resolved path in the bytes of the "programs" file. An argument without '/' is searched
 * for in /usr/local/bin, /usr/bin, /bin, /usr/sbin, /sbin; -ENOENT when the image has no such program.
 * ret_path has room for cap bytes; -ENAMETOOLONG. */
int manifest_find_program(const void *programs, size_t n, const char *program, char *ret_path,
			  size_t cap) must_check;

#endif
