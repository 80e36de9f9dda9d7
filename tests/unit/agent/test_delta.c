#include <errno.h>

#include "agent/delta.h"
#include "tests/support/delta.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

static const char *folder;
static struct mv_delta_header header;
static struct agent_delta delta;
static int fd;
static int base;

static void resize(uint64_t size)
{
	ck_assert_int_eq(ftruncate(fd, (off_t)(MV_DELTA_DATA_AT + size)), 0);
}

static void setup(void)
{
	folder = fixture_folder();
	fd = open(fixture_path(folder, "delta"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	base = open(fixture_path(folder, "base"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	for (int i = 0; i < 10; i++) {
		char block[MV_DELTA_BLOCK];

		memset(block, 'a' + i, sizeof(block));
		ck_assert_int_eq(write(base, block, sizeof(block)), sizeof(block));
	}
	header = (struct mv_delta_header){.magic = MV_DELTA_MAGIC,
					  .mode = S_IFREG | 0644,
					  .base_bytes = 40960,
					  .original = delta_original(fixture_path(folder, "base"))};
	resize(40960);
}

static void teardown(void)
{
	close(fd);
	close(base);
}

/* The bytes of the whole file as they are read. */
static char *merged(size_t *ret_n)
{
	static char bytes[1 << 20];
	int out = open(fixture_path(folder, "out"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	delta_put_header(fd, &header);
	ck_assert_int_eq(agent_delta_init(&delta, fd), 0);
	ck_assert_int_eq(agent_delta_write(&delta, base, out), 0);
	ssize_t n = pread(out, bytes, sizeof(bytes), 0);

	close(out);
	ck_assert_int_ge(n, 0);
	*ret_n = (size_t)n;
	return bytes;
}

START_TEST(without_a_changed_block_it_is_the_original)
{
	size_t n;
	const char *bytes = merged(&n);

	ck_assert_uint_eq(n, 40960);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(bytes[i * MV_DELTA_BLOCK + 17], 'a' + i);
}
END_TEST

START_TEST(a_changed_block_lies_over_the_original)
{
	char block[MV_DELTA_BLOCK];
	size_t n;

	memset(block, 'X', sizeof(block));
	delta_put_bytes(fd, block, sizeof(block), 3 * MV_DELTA_BLOCK);
	const char *bytes = merged(&n);

	ck_assert_int_eq(bytes[3 * MV_DELTA_BLOCK - 1], 'c');
	ck_assert_int_eq(bytes[3 * MV_DELTA_BLOCK], 'X');
	ck_assert_int_eq(bytes[4 * MV_DELTA_BLOCK - 1], 'X');
	ck_assert_int_eq(bytes[4 * MV_DELTA_BLOCK], 'e');
}
END_TEST

START_TEST(what_was_cut_off_and_grown_again_is_zeros)
{
	size_t n;

	header.base_bytes = MV_DELTA_BLOCK + 5;
	const char *bytes = merged(&n);

	ck_assert_uint_eq(n, 40960);
	ck_assert_int_eq(bytes[MV_DELTA_BLOCK + 4], 'b');
	ck_assert_int_eq(bytes[MV_DELTA_BLOCK + 5], 0);
	ck_assert_int_eq(bytes[2 * MV_DELTA_BLOCK], 0);
	ck_assert_int_eq(bytes[40959], 0);
}
END_TEST

START_TEST(a_file_longer_than_a_piece_of_the_bitmap_is_whole)
{
	uint64_t at = (uint64_t)33000 * MV_DELTA_BLOCK;
	struct agent_delta_run run;

	ck_assert_int_eq(ftruncate(base, (off_t)(at + 3 * MV_DELTA_BLOCK)), 0);
	header.base_bytes = at + 3 * MV_DELTA_BLOCK;
	header.original.size = header.base_bytes;
	resize(header.base_bytes);
	delta_put_bytes(fd, "far", 3, at);
	delta_put_header(fd, &header);
	ck_assert_int_eq(agent_delta_init(&delta, fd), 0);
	ck_assert_int_eq(agent_delta_run(&delta, 0, &run), 0);
	ck_assert_uint_eq(run.source, AGENT_DELTA_BASE);
	ck_assert_uint_eq(run.bytes, at);
	ck_assert_int_eq(agent_delta_run(&delta, at, &run), 0);
	ck_assert_uint_eq(run.source, AGENT_DELTA_HERE);
	ck_assert_uint_eq(run.bytes, MV_DELTA_BLOCK);
	ck_assert_int_eq(agent_delta_run(&delta, at + MV_DELTA_BLOCK, &run), 0);
	ck_assert_uint_eq(run.source, AGENT_DELTA_BASE);
	ck_assert_uint_eq(run.bytes, 2 * MV_DELTA_BLOCK);
	ck_assert_int_eq(agent_delta_run(&delta, header.base_bytes, &run), 0);
	ck_assert_uint_eq(run.bytes, 0);
}
END_TEST

START_TEST(a_terabyte_of_nothing_takes_no_time_and_no_room)
{
	struct stat st;
	int out = open(fixture_path(folder, "out"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	header.base_bytes = 0;
	resize(MV_DELTA_SIZE_MAX);
	delta_put_header(fd, &header);
	ck_assert_int_eq(agent_delta_init(&delta, fd), 0);
	int r = agent_delta_write(&delta, -1, out);

	/* A file system that has no files of this size says so. */
	ck_assert(r == 0 || r == -EFBIG);
	ck_assert_int_eq(fstat(out, &st), 0);
	ck_assert_int_lt(st.st_blocks, 64);
	close(out);
}
END_TEST

START_TEST(an_original_that_is_shorter_than_it_was_is_told)
{
	int out = open(fixture_path(folder, "out"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	delta_put_header(fd, &header);
	ck_assert_int_eq(agent_delta_init(&delta, fd), 0);
	ck_assert_int_eq(ftruncate(base, 5000), 0);
	ck_assert_int_eq(agent_delta_write(&delta, base, out), -ESTALE);
	close(out);
}
END_TEST

START_TEST(a_deleted_name_is_a_header_alone)
{
	header.mode = 0;
	header.base_bytes = 0;
	delta_put_header(fd, &header);
	ck_assert_int_eq(agent_delta_init(&delta, fd), -EBADMSG);
	ck_assert_int_eq(ftruncate(fd, sizeof(header)), 0);
	ck_assert_int_eq(agent_delta_init(&delta, fd), 0);
	ck_assert(delta.gone);
	ck_assert_uint_eq(delta.header.original.ino, header.original.ino);
}
END_TEST

static void no_magic(struct mv_delta_header *h)
{
	h->magic = 0;
}
static void a_folder(struct mv_delta_header *h)
{
	h->mode = S_IFDIR | 0755;
}
static void a_link(struct mv_delta_header *h)
{
	h->mode = S_IFLNK | 0777;
}
static void bits_above(struct mv_delta_header *h)
{
	h->mode |= 1u << 20;
}
static void too_large(struct mv_delta_header *h)
{
	h->base_bytes = 0;
	resize(MV_DELTA_SIZE_MAX + 1);
}
static void base_behind_the_end(struct mv_delta_header *h)
{
	resize(h->base_bytes - 1);
}
static void base_behind_the_original(struct mv_delta_header *h)
{
	h->original.size = h->base_bytes - 1;
}
static void base_of_nothing(struct mv_delta_header *h)
{
	h->original.ino = 0;
}
static void without_its_bitmap(struct mv_delta_header *h)
{
	h->base_bytes = 0;
	ck_assert_int_eq(ftruncate(fd, MV_DELTA_DATA_AT - 1), 0);
}

static void (*const spoil[])(struct mv_delta_header *h) = {no_magic,
							   a_folder,
							   a_link,
							   bits_above,
							   too_large,
							   base_behind_the_end,
							   base_behind_the_original,
							   base_of_nothing,
							   without_its_bitmap};

START_TEST(a_spoiled_header_is_refused)
{
	spoil[_i](&header);
	delta_put_header(fd, &header);
	ck_assert_int_eq(agent_delta_init(&delta, fd), -EBADMSG);
}
END_TEST

START_TEST(a_wrong_checksum_is_refused)
{
	delta_put_header(fd, &header);
	ck_assert_int_eq(pwrite(fd, "x", 1, 17), 1);
	ck_assert_int_eq(agent_delta_init(&delta, fd), -EBADMSG);
}
END_TEST

START_TEST(a_file_that_ends_in_its_header_is_refused)
{
	delta_put_header(fd, &header);
	ck_assert_int_eq(ftruncate(fd, sizeof(header) - 1), 0);
	ck_assert_int_eq(agent_delta_init(&delta, fd), -EBADMSG);
}
END_TEST

START_TEST(what_is_no_regular_file_is_refused)
{
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_eq(agent_delta_init(&delta, dir), -EBADMSG);
	close(dir);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("delta");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, without_a_changed_block_it_is_the_original);
	tcase_add_test(t, a_changed_block_lies_over_the_original);
	tcase_add_test(t, what_was_cut_off_and_grown_again_is_zeros);
	tcase_add_test(t, a_file_longer_than_a_piece_of_the_bitmap_is_whole);
	tcase_add_test(t, a_terabyte_of_nothing_takes_no_time_and_no_room);
	tcase_add_test(t, an_original_that_is_shorter_than_it_was_is_told);
	tcase_add_test(t, a_deleted_name_is_a_header_alone);
	tcase_add_loop_test(t, a_spoiled_header_is_refused, 0, sizeof(spoil) / sizeof(spoil[0]));
	tcase_add_test(t, a_wrong_checksum_is_refused);
	tcase_add_test(t, a_file_that_ends_in_its_header_is_refused);
	tcase_add_test(t, what_is_no_regular_file_is_refused);
	return suite_run("agent/delta", t);
}
