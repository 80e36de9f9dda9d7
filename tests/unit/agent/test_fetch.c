#include <errno.h>
#include <zstd.h>

#include "agent/link/backoff.h"
#include "agent/link/fetch.h"
#include "tests/support/suite.h"

static struct buf out;

static void teardown(void)
{
	buf_release(&out);
}

START_TEST(a_part_is_unpacked)
{
	char packed[256];
	size_t n = ZSTD_compress(packed, sizeof(packed), "hello hello hello", 17, 1);

	ck_assert_int_eq(agent_fetch_unpack(packed, n, &out), 0);
	ck_assert_uint_eq(out.len, 17);
	ck_assert_mem_eq(out.data, "hello hello hello", 17);
}
END_TEST

START_TEST(an_empty_part_is_unpacked)
{
	char packed[64];
	size_t n = ZSTD_compress(packed, sizeof(packed), "", 0, 1);

	ck_assert_int_eq(agent_fetch_unpack(packed, n, &out), 0);
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	char packed[256];
	size_t n = ZSTD_compress(packed, sizeof(packed), "hello hello hello", 17, 1);

	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(agent_fetch_unpack(packed, i, &out), -EBADMSG);
}
END_TEST

START_TEST(bytes_behind_the_frame_are_refused)
{
	char packed[256] = {0};
	size_t n = ZSTD_compress(packed, sizeof(packed), "hello", 5, 1);

	ck_assert_int_eq(agent_fetch_unpack(packed, n + 1, &out), -EBADMSG);
}
END_TEST

/* A few bytes that would unpack to more than a part may have. */
START_TEST(a_bomb_is_refused)
{
	size_t big = AGENT_FETCH_PART_MAX + 1;
	char *zeros = calloc(1, big);
	char packed[4096];

	ck_assert_ptr_nonnull(zeros);
	size_t n = ZSTD_compress(packed, sizeof(packed), zeros, big, 1);

	ck_assert(!ZSTD_isError(n));
	ck_assert_int_eq(agent_fetch_unpack(packed, n, &out), -EFBIG);
	free(zeros);
}
END_TEST

START_TEST(the_wait_grows_to_its_cap_and_is_reset)
{
	struct agent_backoff backoff = {0};

	ck_assert_uint_eq(agent_backoff_next(&backoff, UINT32_MAX), AGENT_BACKOFF_FIRST_MS - 1);
	ck_assert_uint_eq(agent_backoff_next(&backoff, UINT32_MAX), 2 * AGENT_BACKOFF_FIRST_MS - 1);
	ck_assert_uint_eq(agent_backoff_next(&backoff, 0), 0); /* full jitter */
	for (int i = 0; i < 1000; i++)
		ck_assert_uint_lt(agent_backoff_next(&backoff, UINT32_MAX), AGENT_BACKOFF_MAX_MS);
	agent_backoff_reset(&backoff);
	ck_assert_uint_lt(agent_backoff_next(&backoff, UINT32_MAX), AGENT_BACKOFF_FIRST_MS);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("fetch");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, a_part_is_unpacked);
	tcase_add_test(t, an_empty_part_is_unpacked);
	tcase_add_test(t, every_truncation_is_refused);
	tcase_add_test(t, bytes_behind_the_frame_are_refused);
	tcase_add_test(t, a_bomb_is_refused);
	tcase_add_test(t, the_wait_grows_to_its_cap_and_is_reset);
	return suite_run("agent/fetch", t);
}
