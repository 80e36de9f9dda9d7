#include <check.h>
#include <errno.h>
#include <string.h>

#include "microvisor/guest/frames.h"
#include "tests/support/suite.h"

#define READY   "\1\0\0\0\x8\0\0\0\2\0\0\0\1\0\0\0"
#define STARTED "\3\0\0\0\0\0\0\0"
#define FAILED  "\4\0\0\0\6\0\0\0\2\0\0\0no"
#define EXIT    "\5\0\0\0\4\0\0\0\0\3\0\0"

static struct mv_frames f;

static void setup(void)
{
	memset(&f, 0, sizeof(f));
}

/* Feeds the literal in pieces of at most step bytes; the first result that is not 0. */
static int feed_by(const char *bytes, size_t n, size_t step)
{
	while (n > 0) {
		size_t part;
		uint8_t *to = mv_frames_room(&f, &part);

		ck_assert_uint_gt(part, 0);
		ck_assert_uint_le(part, (size_t)(f.bytes + sizeof(f.bytes) - to));
		part = part < step ? part : step;
		part = part < n ? part : n;
		memcpy(to, bytes, part);
		int r = mv_frames_added(&f, part);

		if (r != 0)
			return r;
		bytes += part;
		n -= part;
	}
	return 0;
}

static int feed(const char *bytes, size_t n)
{
	return feed_by(bytes, n, 1);
}
#define FEED(literal) feed(literal, sizeof(literal) - 1)

static void run_task(void)
{
	ck_assert_int_eq(FEED(READY), MV_FRAME_READY);
	f.state = MV_FRAMES_LAUNCHED;
	ck_assert_int_eq(FEED(STARTED), MV_FRAME_STARTED);
}

START_TEST(a_task_lives_from_ready_to_exit)
{
	run_task();
	ck_assert_uint_eq(f.is_dax, 1);
	ck_assert_int_eq(FEED(EXIT), MV_FRAME_EXIT);
	ck_assert_uint_eq(f.wait_status, 0x300);
}
END_TEST

START_TEST(frames_in_one_piece_come_one_by_one)
{
	const char bytes[] = READY STARTED;
	size_t n;

	/* What follows a frame is not even asked for: it stays with the device. */
	(void)mv_frames_room(&f, &n);
	ck_assert_uint_eq(n, 8);
	ck_assert_int_eq(feed_by(bytes, 8, 24), 0);
	(void)mv_frames_room(&f, &n);
	ck_assert_uint_eq(n, 8);
	ck_assert_int_eq(feed_by(bytes + 8, 16, 24), MV_FRAME_READY);
	f.state = MV_FRAMES_LAUNCHED;
	ck_assert_int_eq(feed_by(bytes + 16, 8, 24), MV_FRAME_STARTED);
}
END_TEST

START_TEST(a_failure_carries_errno_and_printable_text)
{
	ck_assert_int_eq(FEED("\4\0\0\0\x9\0\0\0\2\0\0\0a\033[\xff!"), MV_FRAME_FAILED);
	ck_assert_uint_eq(f.error, ENOENT);
	ck_assert_str_eq(f.failure, "a?[?!");
}
END_TEST

START_TEST(a_failure_may_come_before_started_only)
{
	ck_assert_int_eq(FEED(READY), MV_FRAME_READY);
	ck_assert_int_eq(FEED(FAILED), MV_FRAME_FAILED);
	setup();
	run_task();
	ck_assert_int_eq(FEED(FAILED), -EBADMSG);
}
END_TEST

START_TEST(the_longest_reason_fits)
{
	char bytes[MV_GUEST_FRAME_MAX] = "\4\0\0\0\4\1\0\0\1";

	memset(bytes + 12, 'x', MV_FAILED_TEXT_MAX);
	ck_assert_int_eq(feed(bytes, sizeof(bytes)), MV_FRAME_FAILED);
	ck_assert_uint_eq(strlen(f.failure), MV_FAILED_TEXT_MAX);
}
END_TEST

START_TEST(nothing_may_follow_the_end)
{
	run_task();
	ck_assert_int_eq(FEED(EXIT), MV_FRAME_EXIT);
	ck_assert_int_eq(FEED("\5"), -EBADMSG);
}
END_TEST

/* Each is fed to a guest in the given state and must be refused. */
static const struct {
	enum mv_frames_state state;
	const char *bytes;
	size_t n;
} refused[] = {
#define REFUSED(state, literal)                     \
	{                                           \
		state, literal, sizeof(literal) - 1 \
	}
	REFUSED(MV_FRAMES_BOOTING, STARTED), REFUSED(MV_FRAMES_BOOTING, EXIT),
	REFUSED(MV_FRAMES_READY, READY),
	REFUSED(MV_FRAMES_READY, STARTED), /* before it has its task */
	REFUSED(MV_FRAMES_READY, EXIT), REFUSED(MV_FRAMES_LAUNCHED, READY),
	REFUSED(MV_FRAMES_LAUNCHED, EXIT), REFUSED(MV_FRAMES_RUNNING, READY),
	REFUSED(MV_FRAMES_RUNNING, STARTED), REFUSED(MV_FRAMES_RUNNING, FAILED),
	/* unknown, or the host's own */
	REFUSED(MV_FRAMES_BOOTING, "\0\0\0\0\0\0\0\0"),
	REFUSED(MV_FRAMES_BOOTING, "\2\0\0\0\0\0\0\0"),
	REFUSED(MV_FRAMES_RUNNING, "\6\0\0\0\4\0\0\0\1\0\0\0"),
	REFUSED(MV_FRAMES_RUNNING, "\7\0\0\0\0\0\0\0"),
	REFUSED(MV_FRAMES_BOOTING, "\1\1\0\0\x8\0\0\0"),
	/* lengths */
	REFUSED(MV_FRAMES_BOOTING, "\1\0\0\0\7\0\0\0"),
	REFUSED(MV_FRAMES_BOOTING, "\1\0\0\0\x9\0\0\0"),
	REFUSED(MV_FRAMES_LAUNCHED, "\3\0\0\0\1\0\0\0"),
	REFUSED(MV_FRAMES_LAUNCHED, "\4\0\0\0\3\0\0\0"),
	REFUSED(MV_FRAMES_LAUNCHED, "\4\0\0\0\5\1\0\0"),
	REFUSED(MV_FRAMES_RUNNING, "\5\0\0\0\5\0\0\0"),
	REFUSED(MV_FRAMES_RUNNING, "\5\0\0\0\xff\xff\xff\xff"),
	/* contents */
	REFUSED(MV_FRAMES_BOOTING, "\1\0\0\0\x8\0\0\0\3\0\0\0\1\0\0\0"),
	REFUSED(MV_FRAMES_BOOTING, "\1\0\0\0\x8\0\0\0\2\0\0\0\2\0\0\0"),
	REFUSED(MV_FRAMES_BOOTING, "\4\0\0\0\4\0\0\0\0\0\0\0"),
	REFUSED(MV_FRAMES_BOOTING, "\4\0\0\0\4\0\0\0\0\x10\0\0"),
	REFUSED(MV_FRAMES_RUNNING, "\5\0\0\0\4\0\0\0\0\0\1\0"),     /* over 16 bits */
	REFUSED(MV_FRAMES_RUNNING, "\5\0\0\0\4\0\0\0\x7f\x13\0\0"), /* stopped */
	REFUSED(MV_FRAMES_RUNNING, "\5\0\0\0\4\0\0\0\x9\1\0\0"),    /* signal and code */
	REFUSED(MV_FRAMES_RUNNING, "\5\0\0\0\4\0\0\0\x41\0\0\0"),   /* signal 65 */
	REFUSED(MV_FRAMES_RUNNING, "\5\0\0\0\4\0\0\0\x80\0\0\0"),   /* core of nothing */
};

START_TEST(a_frame_out_of_order_or_shape_is_refused)
{
	f.state = refused[_i].state;
	ck_assert_int_eq(feed(refused[_i].bytes, refused[_i].n), -EBADMSG);
}
END_TEST

START_TEST(a_death_by_signal_is_told)
{
	run_task();
	ck_assert_int_eq(FEED("\5\0\0\0\4\0\0\0\x8b\0\0\0"), MV_FRAME_EXIT);
	ck_assert_uint_eq(f.wait_status, 0x8b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("frames");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, a_task_lives_from_ready_to_exit);
	tcase_add_test(t, frames_in_one_piece_come_one_by_one);
	tcase_add_test(t, a_failure_carries_errno_and_printable_text);
	tcase_add_test(t, a_failure_may_come_before_started_only);
	tcase_add_test(t, the_longest_reason_fits);
	tcase_add_test(t, nothing_may_follow_the_end);
	tcase_add_loop_test(t, a_frame_out_of_order_or_shape_is_refused, 0,
			    sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(t, a_death_by_signal_is_told);
	return suite_run("microvisor/frames", t);
}
