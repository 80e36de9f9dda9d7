#include <errno.h>
#include <string.h>

#include "agent/listing.h"
#include "tests/support/suite.h"

static struct buf bytes;
static struct agent_kept_head head = {.state = AGENT_KEPT_COMPLETE,
				      .changes = 1,
				      .started_ns = 1,
				      .ended_ns = 2,
				      .until_ns = 3,
				      .id = "vm-1",
				      .task = "pdf",
				      .program = "/bin/p"};
static struct agent_change change = {.kind = AGENT_CHANGE_NEW,
				     .fate = AGENT_FATE_KEEP,
				     .reason = AGENT_REASON_FAILED,
				     .before = 1,
				     .step = 4,
				     .error = 28,
				     .bytes = UINT64_C(1) << 40,
				     .rule = "r",
				     .path = "/home/u/\xff\n"};

static void setup(void)
{
	ck_assert_int_eq(agent_listing_put_head(&bytes, &head), 0);
	ck_assert_int_eq(agent_listing_put(&bytes, &change), 0);
}

static void teardown(void)
{
	buf_release(&bytes);
}

/* The first answer that is not an item. */
static int read_all(size_t n)
{
	struct rd rd = rd_of(bytes.data, n);
	struct agent_kept_head h;
	struct agent_change c;
	int r;

	while ((r = agent_listing_next(&rd, &h, &c)) > 0)
		continue;
	return r;
}

START_TEST(what_is_put_is_read)
{
	struct rd rd = rd_of(bytes.data, bytes.len);
	struct agent_kept_head h = {0};
	struct agent_change c = {0};

	ck_assert_int_eq(agent_listing_next(&rd, &h, &c), 1);
	ck_assert_uint_eq(h.state, head.state);
	ck_assert_uint_eq(h.until_ns, 3);
	ck_assert_str_eq(h.id, "vm-1");
	ck_assert_str_eq(h.task, "pdf");
	ck_assert_str_eq(h.program, "/bin/p");
	ck_assert_int_eq(agent_listing_next(&rd, &h, &c), 2);
	ck_assert_uint_eq(c.kind, change.kind);
	ck_assert_uint_eq(c.fate, change.fate);
	ck_assert_uint_eq(c.reason, change.reason);
	ck_assert_uint_eq(c.step, 4);
	ck_assert_uint_eq(c.error, 28);
	ck_assert_uint_eq(c.bytes, change.bytes);
	ck_assert_str_eq(c.rule, "r");
	ck_assert_str_eq(c.path, change.path);
	ck_assert_int_eq(agent_listing_next(&rd, &h, &c), 0);
}
END_TEST

START_TEST(a_list_that_is_cut_is_refused)
{
	size_t first = bytes.len;

	buf_clear(&bytes);
	ck_assert_int_eq(agent_listing_put_head(&bytes, &head), 0);
	size_t boundary = bytes.len;

	ck_assert_int_eq(agent_listing_put(&bytes, &change), 0);
	ck_assert_uint_eq(bytes.len, first);
	for (size_t n = 1; n < first; n++)
		ck_assert_int_eq(read_all(n), n == boundary ? 0 : -EBADMSG);
}
END_TEST

static void no_kind(void)
{
	change.kind = 0;
}
static void big_kind(void)
{
	change.kind = AGENT_CHANGE_KINDS;
}
static void no_fate(void)
{
	change.fate = 0;
}
static void big_fate(void)
{
	change.fate = AGENT_FATES;
}
static void big_reason(void)
{
	change.reason = AGENT_REASONS;
}
static void big_before(void)
{
	change.before = 2;
}
static void no_state(void)
{
	head.state = 0;
}
static void big_state(void)
{
	head.state = AGENT_KEPT_STATES;
}

static void (*const spoil[])(void) = {no_kind,    big_kind,   no_fate,  big_fate,
				      big_reason, big_before, no_state, big_state};

START_TEST(a_spoiled_item_is_refused)
{
	buf_clear(&bytes);
	spoil[_i]();
	setup();
	ck_assert_int_eq(read_all(bytes.len), -EBADMSG);
}
END_TEST

START_TEST(an_unknown_item_is_refused)
{
	bytes.data[0] = 3;
	ck_assert_int_eq(read_all(bytes.len), -EBADMSG);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("listing");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_put_is_read);
	tcase_add_test(t, a_list_that_is_cut_is_refused);
	tcase_add_loop_test(t, a_spoiled_item_is_refused, 0, sizeof(spoil) / sizeof(spoil[0]));
	tcase_add_test(t, an_unknown_item_is_refused);
	return suite_run("agent/listing", t);
}
