#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/manifest.h"
#include "tests/support/suite.h"

#define HEX   "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define FILE_ "{\"digest\": \"" HEX "\", \"bytes\": 4096}"

/* A manifest with one part exchanged: every row of a table names the part and what to put there. */
struct parts {
	const char *name, *version, *arch, *cmdline, *shapes, *kernel, *extra;
};

static void render(struct buf *b, const struct parts *p)
{
#define OR(part, normal) ((p->part) ? (p->part) : (normal))
	int r = buf_printf(
		b,
		"{\"ampoule_image\": 1, \"name\": %s, \"version\": %s, \"arch\": %s,\n"
		"\"created\": \"2026-01-02T03:04:05Z\", \"cmdline\": %s, \"shapes\": %s,\n"
		"\"files\": {\"kernel\": %s, \"initramfs\": " FILE_ ", \"root\": " FILE_
		", \"programs\": " FILE_ "}%s}",
		OR(name, "\"debian-docs\""), OR(version, "3"), OR(arch, "\"x86_64\""),
		OR(cmdline, "\"console=ttyS0 quiet\""),
		OR(shapes, "[{\"memory_mib\": 256, \"cpus\": 1}]"), OR(kernel, FILE_),
		OR(extra, ""));

	ck_assert_int_eq(r, 0);
}

START_TEST(a_whole_manifest_is_read)
{
	struct buf b cleanup_buf = {0};
	struct manifest m;
	struct err err = {0};

	render(&b, &(struct parts){.shapes = "[{\"memory_mib\": 256, \"cpus\": 1}, "
					     "{\"cpus\": 2, \"memory_mib\": 512}]"});
	ck_assert_msg(manifest_parse(b.data, b.len, &m, &err) == 0, "%s", err.text);
	ck_assert_str_eq(m.name, "debian-docs");
	ck_assert_uint_eq(m.version, 3);
	ck_assert_str_eq(m.cmdline, "console=ttyS0 quiet");
	ck_assert_uint_eq(m.shape_count, 2);
	ck_assert_uint_eq(m.shapes[1].memory_mib, 512);
	ck_assert_uint_eq(m.shapes[1].cpus, 2);
	ck_assert_uint_eq(m.files[MANIFEST_ROOT].bytes, 4096);
	ck_assert_uint_eq(m.files[MANIFEST_PROGRAMS].digest[1], 0x11);
}
END_TEST

struct refusal {
	struct parts parts;
	const char *text; /* part of the error's text */
};

#define LONG64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct refusal refusals[] = {
	{{.name = "\"\""}, "manifest.name"},
	{{.name = "\"../x\""}, "manifest.name"},
	{{.name = "\".hidden\""}, "manifest.name"},
	{{.name = "\"Upper\""}, "manifest.name"},
	{{.name = "\"a/b\""}, "manifest.name"},
	{{.name = "\"" LONG64 "\""}, "manifest.name"},
	{{.name = "7"}, "manifest.name: has the wrong type"},
	{{.name = "\"a\\u0000b\""}, "line 1"},
	{{.version = "0"}, "manifest.version"},
	{{.version = "-1"}, "manifest.version"},
	{{.version = "1.5"}, "manifest.version: has the wrong type"},
	{{.version = "99999999999999999999"}, "line 1"},
	{{.arch = "\"aarch64\""}, "manifest.arch"},
	{{.cmdline = "\"a\\nb\""}, "manifest.cmdline"},
	{{.cmdline = "\"\\u00e4\""}, "manifest.cmdline"},
	{{.shapes = "[]"}, "manifest.shapes"},
	{{.shapes = "[1]"}, "manifest.shapes[0]: not an object"},
	{{.shapes = "[{\"memory_mib\": 31, \"cpus\": 1}]"}, "manifest.shapes[0].memory_mib"},
	{{.shapes = "[{\"memory_mib\": 256, \"cpus\": 0}]"}, "manifest.shapes[0].cpus"},
	{{.shapes = "[{\"memory_mib\": 256}]"}, "manifest.shapes[0].cpus: missing"},
	{{.shapes = "[{\"memory_mib\": 256, \"cpus\": 1, \"gpus\": 1}]"}, "unknown key 'gpus'"},
	{{.shapes = "[{},{},{},{},{}]"}, "manifest.shapes"},
	{{.kernel = "{}"}, "manifest.files.kernel.digest: missing"},
	{{.kernel = "{\"digest\": \"00\", \"bytes\": 1}"}, "manifest.files.kernel.digest"},
	{{.kernel = "{\"digest\": \"" HEX "\", \"bytes\": 0}"}, "manifest.files.kernel.bytes"},
	{{.kernel = "{\"digest\": \"" HEX "\", \"bytes\": 67108865}"},
	 "manifest.files.kernel.bytes"},
	{{.extra = ", \"signed\": true"}, "unknown key 'signed'"},
	{{.extra = ", \"version\": 4"}, "duplicate"},
	{{.extra = "} {"}, "line 3"},
};

START_TEST(a_bad_part_is_refused_by_name)
{
	const struct refusal *row = &refusals[_i];
	struct buf b cleanup_buf = {0};
	struct manifest m = {.version = 77};
	struct err err = {0};

	render(&b, &row->parts);
	ck_assert_int_eq(manifest_parse(b.data, b.len, &m, &err), -EINVAL);
	ck_assert_msg(strstr(err.text, row->text) != NULL, "'%s' is not in '%s'", row->text,
		      err.text);
	ck_assert_uint_eq(m.version, 77);
}
END_TEST

static const char *const no_manifests[] = {"",        "null", "[]", "{}", "{\"ampoule_image\": 2}",
					   "\xff\xfe"};

START_TEST(what_is_no_manifest_is_refused)
{
	struct manifest m;
	struct err err = {0};

	ck_assert_int_eq(manifest_parse(no_manifests[_i], strlen(no_manifests[_i]), &m, &err),
			 -EINVAL);
	ck_assert_int_ne(err.text[0], '\0');
}
END_TEST

START_TEST(a_manifest_that_is_too_long_is_refused)
{
	struct buf b cleanup_buf = {0};
	struct manifest m;
	struct err err = {0};

	render(&b, &(struct parts){0});
	while (b.len <= MANIFEST_BYTES_MAX)
		ck_assert_int_eq(buf_put(&b, "        ", 8), 0);
	ck_assert_int_eq(manifest_parse(b.data, b.len, &m, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "longer than"));
}
END_TEST

START_TEST(every_file_has_a_name)
{
	ck_assert_str_eq(manifest_file_name(MANIFEST_KERNEL), "kernel");
	ck_assert_str_eq(manifest_file_name(MANIFEST_PROGRAMS), "programs");
}
END_TEST

static const char programs[] = "/bin/sh\t/usr/bin/dash\n"
			       "/usr/bin/mutool\t/usr/bin/mutool\n"
			       "/usr/bin/python3\t/usr/bin/python3.11\n"
			       "/usr/local/bin/mutool\t/opt/mutool\n"
			       "nonsense\n"
			       "/usr/bin/relative\trelative\n"
			       "/usr/bin/last\t/usr/bin/last";

static int find(const char *program, char *path, size_t cap)
{
	return manifest_find_program(programs, sizeof(programs) - 1, program, path, cap);
}

START_TEST(a_path_is_resolved)
{
	char path[64];

	ck_assert_int_eq(find("/usr/bin/python3", path, sizeof(path)), 0);
	ck_assert_str_eq(path, "/usr/bin/python3.11");
}
END_TEST

START_TEST(a_name_is_searched_for_in_order)
{
	char path[64];

	ck_assert_int_eq(find("mutool", path, sizeof(path)), 0);
	ck_assert_str_eq(path, "/opt/mutool");
	ck_assert_int_eq(find("sh", path, sizeof(path)), 0);
	ck_assert_str_eq(path, "/usr/bin/dash");
}
END_TEST

START_TEST(a_last_line_without_newline_counts)
{
	char path[64];

	ck_assert_int_eq(find("last", path, sizeof(path)), 0);
	ck_assert_str_eq(path, "/usr/bin/last");
}
END_TEST

static const char *const no_programs[] = {
	"",         "nosuch",   "nonsense",      "relative",  "mutoo",
	"mutool\t", "mutool\n", "../bin/mutool", "/usr/bin/", "/usr/bin/python3.11",
};

START_TEST(what_the_image_does_not_have_is_not_found)
{
	char path[64] = "before";

	ck_assert_int_eq(find(no_programs[_i], path, sizeof(path)), -ENOENT);
	ck_assert_str_eq(path, "before");
}
END_TEST

START_TEST(a_path_longer_than_the_room_is_refused)
{
	char path[64];

	ck_assert_int_eq(find("/bin/sh", path, strlen("/usr/bin/dash")), -ENAMETOOLONG);
	ck_assert_int_eq(find("/bin/sh", path, strlen("/usr/bin/dash") + 1), 0);
}
END_TEST

int main(void)
{
	TCase *parse = tcase_create("parse");
	TCase *lookup = tcase_create("programs");

	tcase_add_test(parse, a_whole_manifest_is_read);
	tcase_add_loop_test(parse, a_bad_part_is_refused_by_name, 0,
			    sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_loop_test(parse, what_is_no_manifest_is_refused, 0,
			    sizeof(no_manifests) / sizeof(no_manifests[0]));
	tcase_add_test(parse, a_manifest_that_is_too_long_is_refused);
	tcase_add_test(parse, every_file_has_a_name);
	tcase_add_test(lookup, a_path_is_resolved);
	tcase_add_test(lookup, a_name_is_searched_for_in_order);
	tcase_add_test(lookup, a_last_line_without_newline_counts);
	tcase_add_loop_test(lookup, what_the_image_does_not_have_is_not_found, 0,
			    sizeof(no_programs) / sizeof(no_programs[0]));
	tcase_add_test(lookup, a_path_longer_than_the_room_is_refused);
	return suite_run("common/manifest", parse, lookup);
}
