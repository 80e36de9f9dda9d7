#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "golden-image/init/pump.h"
#include "tests/support/suite.h"

static struct pump pump;
static int in[2];  /* we write in[1], the pump reads in[0] */
static int out[2]; /* the pump writes out[1], we read out[0] */

static void setup(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC | O_NONBLOCK), 0);
	pump_start(&pump, in[0], out[1]);
}

/* One turn of init's loop; false when nothing was ready. */
static bool turn(void)
{
	struct pollfd p[2];

	pump_poll(&pump, p);
	if (poll(p, 2, 0) <= 0)
		return false;
	pump_move(&pump, p);
	return true;
}

START_TEST(bytes_go_through)
{
	char got[8] = "";

	ck_assert_int_eq(write(in[1], "hello", 5), 5);
	ck_assert(turn());
	ck_assert_int_eq(read(out[0], got, sizeof(got)), 5);
	ck_assert_str_eq(got, "hello");
	ck_assert(!turn());
	ck_assert(!pump_is_done(&pump));
}
END_TEST

START_TEST(the_end_is_passed_on_after_the_last_byte)
{
	char got[8];

	ck_assert_int_eq(write(in[1], "x", 1), 1);
	close(in[1]);
	while (turn())
		;
	ck_assert(pump_is_done(&pump));
	ck_assert_int_eq(read(out[0], got, sizeof(got)), 1);
	ck_assert_int_eq(read(out[0], got, sizeof(got)), 0);
}
END_TEST

START_TEST(a_slow_reader_holds_the_writer_back)
{
	static char block[4096];
	size_t sent = 0;
	size_t got = 0;
	ssize_t n;

	ck_assert_int_ge(fcntl(in[1], F_SETFL, O_NONBLOCK), 0);
	while ((n = write(in[1], block, sizeof(block))) > 0) {
		sent += (size_t)n;
		(void)turn();
	}
	/* Two pipes and the pump's own buffer, no more. */
	ck_assert_uint_le(sent, 2 * 65536 + PUMP_BYTES);
	close(in[1]);
	while ((n = read(out[0], block, sizeof(block))) != 0) {
		if (n > 0)
			got += (size_t)n;
		(void)turn();
	}
	ck_assert_uint_eq(got, sent);
}
END_TEST

START_TEST(a_reader_that_left_breaks_the_writer)
{
	close(out[0]);
	ck_assert(turn());
	ck_assert(pump_is_done(&pump));
	ck_assert_int_eq(write(in[1], "x", 1), -1);
}
END_TEST

START_TEST(a_peer_that_left_while_bytes_wait_breaks_the_writer)
{
	static char block[65536];
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pump_start(&pump, in[0], pair[0]);
	ck_assert_int_ge(fcntl(in[1], F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < 100; i++) {
		(void)!write(in[1], block, sizeof(block));
		(void)turn();
	}
	ck_assert_uint_gt(pump.have, 0);
	close(pair[1]);
	ck_assert(turn());
	ck_assert(pump_is_done(&pump));
	ck_assert_int_eq(write(in[1], "x", 1), -1);
}
END_TEST

START_TEST(a_refused_stream_closes_the_other_side)
{
	int pair[2];

	ck_assert_int_eq(pipe2(pair, O_CLOEXEC), 0);
	pump_start(&pump, pair[0], -1);
	ck_assert(pump_is_done(&pump));
	ck_assert_int_eq(write(pair[1], "x", 1), -1);
	ck_assert(!turn());
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("pump");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, bytes_go_through);
	tcase_add_test(t, the_end_is_passed_on_after_the_last_byte);
	tcase_add_test(t, a_slow_reader_holds_the_writer_back);
	tcase_add_test(t, a_reader_that_left_breaks_the_writer);
	tcase_add_test(t, a_peer_that_left_while_bytes_wait_breaks_the_writer);
	tcase_add_test(t, a_refused_stream_closes_the_other_side);
	return suite_run("golden-image/pump", t);
}
