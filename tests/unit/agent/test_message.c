#include "agent/agent/message.h"
#include "common/rd.h"
#include "microvisor/guest.h"
#include "tests/support/suite.h"

static struct agent_request request;
static struct buf out;
static const struct policy_task task = {.uid = 1000, .processes = 64};

static void setup(void)
{
	request = (struct agent_request){.argc = 2,
					 .envc = 1,
					 .argv = {"cat", "/home/u/a"},
					 .env = {"TERM=xterm"},
					 .account = {.name = "u", .home = "/home/u"}};
}

static void teardown(void)
{
	buf_release(&out);
}

static void expect(struct rd *r, const char *text)
{
	uint32_t n = rd_u32le(r);
	const uint8_t *p = rd_bytes(r, n);

	ck_assert(!r->bad);
	ck_assert_uint_eq(n, strlen(text));
	ck_assert_mem_eq(p, text, n);
}

START_TEST(the_message_has_what_its_header_says)
{
	struct mv_launch_header header;

	ck_assert_int_eq(agent_message_put(&out, &request, "/usr/bin/cat", &task, "/home/u"), 0);
	memcpy(&header, out.data, sizeof(header));
	ck_assert_uint_eq(header.magic, MV_LAUNCH_MAGIC);
	ck_assert_uint_eq(header.total_bytes, out.len);
	ck_assert_uint_eq(header.argc, 2);
	ck_assert_uint_eq(header.envc, 5);
	ck_assert_uint_eq(header.mountc, 4);
	ck_assert_uint_eq(header.uid, 1000);
	ck_assert_uint_eq(header.processes, 64);
	struct rd r = rd_of(out.data + sizeof(header), out.len - sizeof(header));

	expect(&r, "/usr/bin/cat");
	expect(&r, "/home/u/a");
	expect(&r, "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
	expect(&r, "HOME=/home/u");
	expect(&r, "USER=u");
	expect(&r, "LOGNAME=u");
	expect(&r, "TERM=xterm");
	expect(&r, "/home/u");
	expect(&r, "/home");
	expect(&r, "/media");
	expect(&r, "/mnt");
	expect(&r, "/srv");
	ck_assert_uint_eq(rd_left(&r), 0);
}
END_TEST

START_TEST(two_messages_have_different_entropy)
{
	struct mv_launch_header a;
	struct mv_launch_header b;

	ck_assert_int_eq(agent_message_put(&out, &request, "/usr/bin/cat", &task, "/"), 0);
	memcpy(&a, out.data, sizeof(a));
	buf_clear(&out);
	ck_assert_int_eq(agent_message_put(&out, &request, "/usr/bin/cat", &task, "/"), 0);
	memcpy(&b, out.data, sizeof(b));
	ck_assert_mem_ne(a.entropy, b.entropy, sizeof(a.entropy));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("message");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_message_has_what_its_header_says);
	tcase_add_test(t, two_messages_have_different_entropy);
	return suite_run("agent/message", t);
}
