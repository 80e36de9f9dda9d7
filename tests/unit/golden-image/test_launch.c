#include <check.h>
#include <errno.h>
#include <string.h>

#include "golden-image/message/launch.h"
#include "tests/support/suite.h"

/* A launch message put together by hand: two arguments, one variable, a folder, one view root. */
struct message {
	uint8_t bytes[4096];
	size_t n;
};

static void put_u32(struct message *m, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		m->bytes[m->n++] = (uint8_t)(v >> (8 * i));
}

static void put_bytes(struct message *m, const void *bytes, size_t n)
{
	put_u32(m, (uint32_t)n);
	memcpy(m->bytes + m->n, bytes, n);
	m->n += n;
}

static void put(struct message *m, const char *text)
{
	put_bytes(m, text, strlen(text));
}

static void begin(struct message *m, uint32_t argc, uint32_t envc, uint32_t mountc)
{
	*m = (struct message){0};
	put_u32(m, MV_LAUNCH_MAGIC);
	put_u32(m, 0);
	put_u32(m, argc);
	put_u32(m, envc);
	put_u32(m, mountc);
	put_u32(m, 1000);
	put_u32(m, 0x9abcdef0);
	put_u32(m, 0x12345678);
	memset(m->bytes + m->n, 0xe5, MV_ENTROPY_BYTES);
	m->n += MV_ENTROPY_BYTES;
	put_u32(m, 64);
	put_u32(m, 0);
}

/* Fills in the total and spoils what follows, which belongs to nobody. */
static void end(struct message *m)
{
	size_t n = m->n;

	m->n = 4;
	put_u32(m, (uint32_t)n);
	m->n = n;
	memset(m->bytes + n, 'x', sizeof(m->bytes) - n);
}

static void whole(struct message *m)
{
	begin(m, 2, 1, 1);
	put(m, "/usr/bin/mutool");
	put(m, "draw");
	put(m, "HOME=/home/user1");
	put(m, "/home/user1");
	put(m, "/home");
	end(m);
}

static int parse(struct message *m, struct launch *l)
{
	struct fault fault = {0};
	int r = launch_parse(m->bytes, m->n, l, &fault);

	ck_assert_int_eq(r, fault.code);
	ck_assert_int_eq(r < 0, fault.text[0] != 0);
	return r;
}

START_TEST(a_whole_message_becomes_strings)
{
	struct message m;
	struct launch l;

	whole(&m);
	ck_assert_int_eq(parse(&m, &l), 0);
	ck_assert_str_eq(l.argv[0], "/usr/bin/mutool");
	ck_assert_str_eq(l.argv[1], "draw");
	ck_assert_ptr_null(l.argv[2]);
	ck_assert_str_eq(l.envp[0], "HOME=/home/user1");
	ck_assert_ptr_null(l.envp[1]);
	ck_assert_str_eq(l.cwd, "/home/user1");
	ck_assert_uint_eq(l.mountc, 1);
	ck_assert_str_eq(l.mounts[0], "/home");
	ck_assert_uint_eq(l.uid, 1000);
	ck_assert_uint_eq(l.wall_clock_ns, 0x123456789abcdef0);
	ck_assert_uint_eq(l.entropy[31], 0xe5);
	ck_assert_uint_eq(l.processes, 64);
}
END_TEST

START_TEST(empty_arguments_stay)
{
	struct message m;
	struct launch l;

	begin(&m, 3, 0, 0);
	put(&m, "/bin/echo");
	put(&m, "");
	put(&m, "");
	put(&m, "/");
	end(&m);
	ck_assert_int_eq(parse(&m, &l), 0);
	ck_assert_str_eq(l.argv[1], "");
	ck_assert_str_eq(l.argv[2], "");
	ck_assert_str_eq(l.cwd, "/");
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	struct message m;
	struct launch l;

	for (size_t cut = 0;; cut++) {
		whole(&m);
		if (cut == m.n)
			break;
		m.n = cut;
		if (cut >= 8)
			end(&m);
		m.n = cut;
		ck_assert_int_eq(parse(&m, &l), -EINVAL);
	}
}
END_TEST

START_TEST(bytes_after_the_last_string_are_refused)
{
	struct message m;
	struct launch l;

	whole(&m);
	m.n++;
	end(&m);
	ck_assert_int_eq(parse(&m, &l), -EINVAL);
}
END_TEST

START_TEST(a_total_that_is_not_the_length_is_refused)
{
	struct message m;
	struct launch l;

	whole(&m);
	m.n++;
	ck_assert_int_eq(parse(&m, &l), -EINVAL);
}
END_TEST

/* Offsets of header fields, and values that must not pass. */
static const struct {
	size_t offset;
	uint32_t value;
} bad_headers[] = {
	{0, MV_LAUNCH_MAGIC + 1},
	{8, 0},
	{8, MV_LAUNCH_STRINGS_MAX + 1},
	{8, UINT32_MAX},
	{12, MV_LAUNCH_STRINGS_MAX + 1},
	{12, UINT32_MAX},
	{16, LAUNCH_MOUNTS_MAX + 1},
	{16, UINT32_MAX},
	{28, 0xffffffff},
};

START_TEST(a_header_out_of_range_is_refused)
{
	struct message m;
	struct launch l;

	whole(&m);
	size_t n = m.n;

	m.n = bad_headers[_i].offset;
	put_u32(&m, bad_headers[_i].value);
	m.n = n;
	ck_assert_int_eq(parse(&m, &l), -EINVAL);
}
END_TEST

static const struct {
	const char *program, *variable, *cwd, *root;
} bad_strings[] = {
	{"", "A=1", "/", "/home"},      {"mutool", "A=1", "/", "/home"}, {"/m", "A", "/", "/home"},
	{"/m", "=1", "/", "/home"},     {"/m", "", "/", "/home"},        {"/m", "A=1", "", "/home"},
	{"/m", "A=1", "home", "/home"}, {"/m", "A=1", "/", "/"},         {"/m", "A=1", "/", "home"},
	{"/m", "A=1", "/", "/.."},      {"/m", "A=1", "/", "/."},        {"/m", "A=1", "/", "/a/b"},
	{"/m", "A=1", "/", "//"},       {"/m", "A=1", "/", ""},
};

START_TEST(a_string_of_the_wrong_kind_is_refused)
{
	struct message m;
	struct launch l;

	begin(&m, 1, 1, 1);
	put(&m, bad_strings[_i].program);
	put(&m, bad_strings[_i].variable);
	put(&m, bad_strings[_i].cwd);
	put(&m, bad_strings[_i].root);
	end(&m);
	ck_assert_int_eq(parse(&m, &l), -EINVAL);
}
END_TEST

START_TEST(a_nul_inside_a_string_is_refused)
{
	struct message m;
	struct launch l;

	begin(&m, 1, 0, 0);
	put_bytes(&m, "/bin/ls\0x", 9);
	put(&m, "/");
	end(&m);
	ck_assert_int_eq(parse(&m, &l), -EINVAL);
}
END_TEST

START_TEST(a_string_longer_than_the_message_is_refused)
{
	struct message m;
	struct launch l;

	begin(&m, 1, 0, 0);
	put_u32(&m, UINT32_MAX);
	end(&m);
	ck_assert_int_eq(parse(&m, &l), -EINVAL);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("launch");

	tcase_add_test(t, a_whole_message_becomes_strings);
	tcase_add_test(t, empty_arguments_stay);
	tcase_add_test(t, every_truncation_is_refused);
	tcase_add_test(t, bytes_after_the_last_string_are_refused);
	tcase_add_test(t, a_total_that_is_not_the_length_is_refused);
	tcase_add_loop_test(t, a_header_out_of_range_is_refused, 0,
			    sizeof(bad_headers) / sizeof(bad_headers[0]));
	tcase_add_loop_test(t, a_string_of_the_wrong_kind_is_refused, 0,
			    sizeof(bad_strings) / sizeof(bad_strings[0]));
	tcase_add_test(t, a_nul_inside_a_string_is_refused);
	tcase_add_test(t, a_string_longer_than_the_message_is_refused);
	return suite_run("golden-image/launch", t);
}
