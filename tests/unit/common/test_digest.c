#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "common/digest.h"
#include "common/fd.h"
#include "tests/support/suite.h"

enum {
	BLOCK = DIGEST_BLOCK_BYTES,
	TREE_BLOCK = 128 * BLOCK /* data below one block of hashes */
};

/* The sizes where the tree changes its form. */
static const size_t sizes[] = {
	0,
	1,
	BLOCK - 1,
	BLOCK,
	BLOCK + 1,
	3 * BLOCK,
	TREE_BLOCK,
	TREE_BLOCK + 1,
	2 * TREE_BLOCK,
	5 * TREE_BLOCK + 77,
	128 * (size_t)TREE_BLOCK,
	128 * (size_t)TREE_BLOCK + 5,
};

static uint8_t *make_bytes(size_t n)
{
	uint8_t *bytes = malloc(n + 1);

	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(i * 7 + i / BLOCK);
	return bytes;
}

/* What Debian's fsverity tool says of the file. False when the tool is not installed. */
static bool ask_tool(int fd, char ret_hex[DIGEST_HEX])
{
	char command[128];

	snprintf(command, sizeof(command), "fsverity digest --compact /proc/%d/fd/%d 2>/dev/null",
		 getpid(), fd);
	FILE *tool = popen(command, "r"); /* a fixed command */

	ck_assert_ptr_nonnull(tool);
	bool known = fscanf(tool, "%64[0-9a-f]", ret_hex) == 1;

	pclose(tool);
	return known;
}

START_TEST(a_digest_is_what_the_kernels_tool_says)
{
	size_t n = sizes[_i];
	uint8_t *bytes cleanup_free = make_bytes(n);
	uint8_t from_memory[DIGEST_BYTES], from_file[DIGEST_BYTES];
	char hex[DIGEST_HEX], expected[DIGEST_HEX];
	uint64_t size = 1;
	int fd cleanup_fd = memfd_create("digest", 0);

	ck_assert_int_eq(fd_write_all(fd, bytes, n), 0);
	ck_assert_int_eq(digest_bytes(bytes, n, from_memory), 0);
	ck_assert_int_eq(digest_fd(fd, from_file, &size), 0);
	ck_assert_mem_eq(from_memory, from_file, DIGEST_BYTES);
	ck_assert_uint_eq(size, n);
	digest_hex(from_memory, hex);
	if (ask_tool(fd, expected))
		ck_assert_str_eq(hex, expected);
}
END_TEST

/* Made with `fsverity digest` 1.5, for machines without it. */
START_TEST(known_digests_hold)
{
	uint8_t digest[DIGEST_BYTES];
	char hex[DIGEST_HEX];

	ck_assert_int_eq(digest_bytes("", 0, digest), 0);
	digest_hex(digest, hex);
	ck_assert_str_eq(hex, "3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95");
	ck_assert_int_eq(digest_bytes("hi\n", 3, digest), 0);
	digest_hex(digest, hex);
	ck_assert_str_eq(hex, "4cc9059d03fc2eef6b7c40268ccc0fbd1da69621708a1561318dddf1539a128f");
}
END_TEST

START_TEST(the_length_is_part_of_the_digest)
{
	static const uint8_t zeros[BLOCK];
	uint8_t one[DIGEST_BYTES], two[DIGEST_BYTES];

	ck_assert_int_eq(digest_bytes(zeros, 1, one), 0);
	ck_assert_int_eq(digest_bytes(zeros, 2, two), 0);
	ck_assert_mem_ne(one, two, DIGEST_BYTES);
}
END_TEST

START_TEST(an_unreadable_descriptor_leaves_the_digest_alone)
{
	uint8_t digest[DIGEST_BYTES] = {1, 2, 3};

	ck_assert_int_eq(digest_fd(-1, digest, NULL), -EBADF);
	ck_assert_mem_eq(digest, "\1\2\3", 3);
}
END_TEST

START_TEST(hex_goes_there_and_back)
{
	uint8_t digest[DIGEST_BYTES], back[DIGEST_BYTES];
	char hex[DIGEST_HEX];

	ck_assert_int_eq(digest_bytes("a", 1, digest), 0);
	digest_hex(digest, hex);
	ck_assert_int_eq(digest_parse(hex, back), 0);
	ck_assert_mem_eq(digest, back, DIGEST_BYTES);
}
END_TEST

static const char *const no_digests[] = {
	"",
	"00",
	"0000000000000000000000000000000000000000000000000000000000000000 ",
	"00000000000000000000000000000000000000000000000000000000000000000",
	"000000000000000000000000000000000000000000000000000000000000000",
	"g000000000000000000000000000000000000000000000000000000000000000",
	"000000000000000000000000000000000000000000000000000000000000000-",
};

START_TEST(what_is_not_64_hex_digits_is_refused)
{
	uint8_t digest[DIGEST_BYTES] = {9};

	ck_assert_int_eq(digest_parse(no_digests[_i], digest), -EINVAL);
	ck_assert_int_eq(digest[0], 9);
}
END_TEST

int main(void)
{
	TCase *files = tcase_create("files");
	TCase *text = tcase_create("text");

	tcase_set_timeout(files, 60);
	tcase_add_loop_test(files, a_digest_is_what_the_kernels_tool_says, 0,
			    sizeof(sizes) / sizeof(sizes[0]));
	tcase_add_test(files, known_digests_hold);
	tcase_add_test(files, the_length_is_part_of_the_digest);
	tcase_add_test(files, an_unreadable_descriptor_leaves_the_digest_alone);
	tcase_add_test(text, hex_goes_there_and_back);
	tcase_add_loop_test(text, what_is_not_64_hex_digits_is_refused, 0,
			    sizeof(no_digests) / sizeof(no_digests[0]));
	return suite_run("common/digest", files, text);
}
