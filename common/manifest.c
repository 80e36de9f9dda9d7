#include "common/manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

/* The bytes are signed, but by a builder who may run other software than ours: they are checked as if a
 * stranger had sent them. Every object is read through a table of its keys, so that an unknown key, a
 * missing one and a wrong type are refused in one place. */

static const char *const file_names[MANIFEST_FILES] = {
	[MANIFEST_KERNEL] = "kernel",
	[MANIFEST_INITRAMFS] = "initramfs",
	[MANIFEST_ROOT] = "root",
	[MANIFEST_PROGRAMS] = "programs",
};

static const uint64_t file_bytes_max[MANIFEST_FILES] = {
	[MANIFEST_KERNEL] = 64ULL << 20,
	[MANIFEST_INITRAMFS] = 64ULL << 20,
	[MANIFEST_ROOT] = 64ULL << 30,
	[MANIFEST_PROGRAMS] = 1ULL << 20,
};

enum {
	MEMORY_MIB_MIN = 32,
	MEMORY_MIB_MAX = 65536,
	CPUS_MAX = 64,
	CREATED_MAX = 64
};

static const char *const search_path[] = {"/usr/local/bin/", "/usr/bin/", "/bin/", "/usr/sbin/",
					  "/sbin/"};

struct key {
	const char *name;
	json_type type;
};

const char *manifest_file_name(enum manifest_file file)
{
	return file < MANIFEST_FILES ? file_names[file] : "?";
}

static const struct key *find_key(const struct key *keys, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

/* object must have exactly these keys. where is its path in the document. */
static int check_keys(json_t *object, const char *where, const struct key *keys, size_t n,
		      struct err *err)
{
	const char *name;
	json_t *value;

	if (!json_is_object(object))
		return err_set(err, -EINVAL, "%s: not an object", where);
	json_object_foreach(object, name, value) if (!find_key(keys, n, name)) return err_set(
		err, -EINVAL, "%s: unknown key '%.64s'", where, name);
	for (size_t i = 0; i < n; i++) {
		value = json_object_get(object, keys[i].name);
		if (!value)
			return err_set(err, -EINVAL, "%s.%s: missing", where, keys[i].name);
		if (json_typeof(value) != keys[i].type)
			return err_set(err, -EINVAL, "%s.%s: has the wrong type", where,
				       keys[i].name);
	}
	return 0;
}

static int read_number(json_t *object, const char *where, const char *key, uint64_t min,
		       uint64_t max, uint64_t *ret, struct err *err)
{
	json_int_t v = json_integer_value(json_object_get(object, key));

	if (v < 0 || (uint64_t)v < min || (uint64_t)v > max)
		return err_set(err, -EINVAL, "%s.%s: not between %" PRIu64 " and %" PRIu64, where,
			       key, min, max);
	*ret = (uint64_t)v;
	return 0;
}

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

/* The name becomes a folder's name: no leading dot. */
static int read_name(json_t *root, struct manifest *out, struct err *err)
{
	const char *name = json_string_value(json_object_get(root, "name"));
	size_t n = strlen(name);

	if (n == 0 || n >= MANIFEST_NAME_MAX || name[0] == '.')
		return err_set(err, -EINVAL, "manifest.name: empty, too long or with a dot first");
	for (size_t i = 0; i < n; i++)
		if (!is_name_byte(name[i]))
			return err_set(err, -EINVAL, "manifest.name: only a-z, 0-9, '.' and '-'");
	memcpy(out->name, name, n + 1);
	return 0;
}

static int read_cmdline(json_t *root, struct manifest *out, struct err *err)
{
	const char *cmdline = json_string_value(json_object_get(root, "cmdline"));
	size_t n = strlen(cmdline);

	if (n >= MANIFEST_CMDLINE_MAX)
		return err_set(err, -EINVAL, "manifest.cmdline: longer than %d bytes",
			       MANIFEST_CMDLINE_MAX - 1);
	for (size_t i = 0; i < n; i++)
		if (cmdline[i] < ' ' || cmdline[i] > '~')
			return err_set(err, -EINVAL, "manifest.cmdline: not printable ASCII");
	memcpy(out->cmdline, cmdline, n + 1);
	return 0;
}

static int read_shapes(json_t *shapes, struct manifest *out, struct err *err)
{
	static const struct key keys[] = {{"memory_mib", JSON_INTEGER}, {"cpus", JSON_INTEGER}};
	size_t n = json_array_size(shapes);

	if (n == 0 || n > MANIFEST_SHAPES_MAX)
		return err_set(err, -EINVAL, "manifest.shapes: not 1 to %d of them",
			       MANIFEST_SHAPES_MAX);
	for (size_t i = 0; i < n; i++) {
		json_t *shape = json_array_get(shapes, i);
		uint64_t memory, cpus;
		char where[32];

		snprintf(where, sizeof(where), "manifest.shapes[%zu]", i);
		if (check_keys(shape, where, keys, 2, err) < 0 ||
		    read_number(shape, where, "memory_mib", MEMORY_MIB_MIN, MEMORY_MIB_MAX, &memory,
				err) < 0 ||
		    read_number(shape, where, "cpus", 1, CPUS_MAX, &cpus, err) < 0)
			return -EINVAL;
		out->shapes[i].memory_mib = (uint32_t)memory;
		out->shapes[i].cpus = (uint32_t)cpus;
	}
	out->shape_count = n;
	return 0;
}

static int read_files(json_t *files, struct manifest *out, struct err *err)
{
	static const struct key keys[] = {{"digest", JSON_STRING}, {"bytes", JSON_INTEGER}};
	struct key names[MANIFEST_FILES];

	for (size_t i = 0; i < MANIFEST_FILES; i++)
		names[i] = (struct key){file_names[i], JSON_OBJECT};
	if (check_keys(files, "manifest.files", names, MANIFEST_FILES, err) < 0)
		return -EINVAL;
	for (size_t i = 0; i < MANIFEST_FILES; i++) {
		json_t *file = json_object_get(files, file_names[i]);
		char where[32];

		snprintf(where, sizeof(where), "manifest.files.%s", file_names[i]);
		if (check_keys(file, where, keys, 2, err) < 0 ||
		    read_number(file, where, "bytes", 1, file_bytes_max[i], &out->files[i].bytes,
				err) < 0)
			return -EINVAL;
		if (digest_parse(json_string_value(json_object_get(file, "digest")),
				 out->files[i].digest) < 0)
			return err_set(err, -EINVAL, "%s.digest: not 64 hexadecimal digits", where);
	}
	return 0;
}

static int read_root(json_t *root, struct manifest *out, struct err *err)
{
	static const struct key keys[] = {
		{"ampoule_image", JSON_INTEGER}, {"name", JSON_STRING},
		{"version", JSON_INTEGER},       {"arch", JSON_STRING},
		{"created", JSON_STRING},        {"cmdline", JSON_STRING},
		{"shapes", JSON_ARRAY},          {"files", JSON_OBJECT},
	};
	uint64_t format;

	if (check_keys(root, "manifest", keys, sizeof(keys) / sizeof(keys[0]), err) < 0 ||
	    read_number(root, "manifest", "ampoule_image", 1, 1, &format, err) < 0 ||
	    read_number(root, "manifest", "version", 1, INT64_MAX, &out->version, err) < 0)
		return -EINVAL;
	if (strcmp(json_string_value(json_object_get(root, "arch")), "x86_64") != 0)
		return err_set(err, -EINVAL, "manifest.arch: only x86_64");
	if (json_string_length(json_object_get(root, "created")) > CREATED_MAX)
		return err_set(err, -EINVAL, "manifest.created: too long");
	if (read_name(root, out, err) < 0 || read_cmdline(root, out, err) < 0 ||
	    read_shapes(json_object_get(root, "shapes"), out, err) < 0)
		return -EINVAL;
	return read_files(json_object_get(root, "files"), out, err);
}

int manifest_parse(const void *json, size_t n, struct manifest *out, struct err *err)
{
	json_error_t error;
	struct manifest m = {0};

	if (n > MANIFEST_BYTES_MAX)
		return err_set(err, -EINVAL, "manifest: longer than %d bytes", MANIFEST_BYTES_MAX);
	json_t *root cleanup_(json_decrefp) = json_loadb(json, n, JSON_REJECT_DUPLICATES, &error);

	if (!root)
		return err_set(err, -EINVAL, "manifest: line %d: %s", error.line, error.text);
	int r = read_root(root, &m, err);

	if (r == 0)
		*out = m;
	return r;
}

/* One line of "programs", without its newline. Borrowed. */
struct line {
	const char *path, *resolved;
	size_t path_len, resolved_len;
};

/* False at the end; a line that is not PATH TAB PATH has path NULL. */
static bool next_line(const char **at, const char *end, struct line *line)
{
	if (*at >= end)
		return false;
	const char *newline = memchr(*at, '\n', (size_t)(end - *at));
	const char *stop = newline ? newline : end;
	const char *tab = memchr(*at, '\t', (size_t)(stop - *at));

	*line = (struct line){0};
	if (tab && **at == '/' && tab + 1 < stop && tab[1] == '/')
		*line = (struct line){*at, tab + 1, (size_t)(tab - *at), (size_t)(stop - tab - 1)};
	*at = newline ? newline + 1 : end;
	return true;
}

/* Looks for the path that is folder and program put together. */
static int find_path(const char *bytes, size_t n, const char *folder, const char *program,
		     struct line *ret_line)
{
	const char *at = bytes;
	size_t folder_len = strlen(folder);
	size_t len = strlen(program);
	struct line line;

	while (next_line(&at, bytes + n, &line))
		if (line.path && line.path_len == folder_len + len &&
		    memcmp(line.path, folder, folder_len) == 0 &&
		    memcmp(line.path + folder_len, program, len) == 0) {
			*ret_line = line;
			return 0;
		}
	return -ENOENT;
}

int manifest_find_program(const void *programs, size_t n, const char *program, char *ret_path,
			  size_t cap)
{
	struct line line;
	int r = -ENOENT;

	if (strchr(program, '/'))
		r = find_path(programs, n, "", program, &line);
	else
		for (size_t i = 0; r < 0 && i < sizeof(search_path) / sizeof(search_path[0]); i++)
			r = find_path(programs, n, search_path[i], program, &line);
	if (r < 0 || memchr(line.resolved, '\0', line.resolved_len))
		return -ENOENT;
	if (line.resolved_len >= cap)
		return -ENAMETOOLONG;
	memcpy(ret_path, line.resolved, line.resolved_len);
	ret_path[line.resolved_len] = '\0';
	return 0;
}
