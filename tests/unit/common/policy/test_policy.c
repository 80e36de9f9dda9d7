#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "common/policy/policy.h"
#include "tests/support/suite.h"
#include "tests/unit/common/policy/support.h"

/* corpus/pass-*.yaml must be accepted and their tests hold; corpus/fail-*.yaml begin with
 * "# expect: LINE:COLUMN: TEXT" and must be refused with that one finding. */

#define CORPUS "tests/unit/common/policy/corpus/"

static int is_pass(const struct dirent *e)
{
	return !strncmp(e->d_name, "pass-", 5);
}

static int is_fail(const struct dirent *e)
{
	return !strncmp(e->d_name, "fail-", 5);
}

static int scan(int (*filter)(const struct dirent *), struct dirent ***ret_names)
{
	int n = scandir(CORPUS, ret_names, filter, alphasort);

	ck_assert_int_gt(n, 0);
	return n;
}

START_TEST(the_accepted_are_accepted)
{
	struct dirent **names;
	int n = scan(is_pass, &names);

	ck_assert_int_ge(n, 10);
	for (int i = 0; i < n; i++) {
		char path[512];
		struct buf out = {0};

		snprintf(path, sizeof(path), CORPUS "%s", names[i]->d_name);
		struct policy *policy = parse_file(path);

		ck_assert_msg(policy_run_tests(policy, &out) == 0, "%s: %.*s", path, (int)out.len,
			      (char *)out.data);
		policy_free(policy);
		buf_release(&out);
		free(names[i]);
	}
	free(names);
}
END_TEST

/* The first line of the text behind "# expect: ". */
static void expected_of(const struct buf *text, char out[512])
{
	const char *head = "# expect: ";
	const char *end = memchr(text->data, '\n', text->len);

	ck_assert(end && !memcmp(text->data, head, strlen(head)));
	snprintf(out, 512, "%.*s", (int)((const uint8_t *)end - text->data - strlen(head)),
		 (char *)text->data + strlen(head));
}

static void expect_refusal(const char *name)
{
	char path[512], expected[512], got[600];
	cleanup_buf struct buf text = {0};
	struct policy_errors errors;
	const struct policy_error *e = &errors.list[0];

	snprintf(path, sizeof(path), CORPUS "%s", name);
	ck_assert_int_eq(buf_read_file(&text, path, POLICY_BYTES_MAX), 0);
	struct policy *policy = policy_parse(text.data, text.len, &errors);

	ck_assert_msg(!policy, "%s was accepted", name);
	snprintf(got, sizeof(got), "%d:%d: %s%s%s", e->line, e->column, e->path,
		 e->path[0] ? ": " : "", e->text);
	expected_of(&text, expected);
	ck_assert_msg(!strcmp(got, expected) && errors.count == 1,
		      "%s:\n  wanted %s\n  got    %s and %zu more", name, expected, got,
		      errors.count - 1);
}

START_TEST(the_refused_are_refused_with_line_column_and_reason)
{
	struct dirent **names;
	int n = scan(is_fail, &names);

	ck_assert_int_ge(n, 40);
	for (int i = 0; i < n; i++) {
		expect_refusal(names[i]->d_name);
		free(names[i]);
	}
	free(names);
}
END_TEST

static void refuse_bytes(const void *bytes, size_t n, int line, const char *says)
{
	struct policy_errors errors;
	struct policy *policy = policy_parse(bytes, n, &errors);

	ck_assert_ptr_null(policy);
	ck_assert_int_eq(errors.list[0].line, line);
	ck_assert_msg(strstr(errors.list[0].text, says) != NULL, "%s", errors.list[0].text);
}

START_TEST(bytes_that_are_no_text_are_refused)
{
	refuse_bytes("id: \xff", 5, 1, "not UTF-8");
	refuse_bytes("a: 1\nid: \xc3(", 11, 2, "not UTF-8");
	refuse_bytes("id: \xed\xa0\x80", 7, 1, "not UTF-8");
	refuse_bytes("id: a\0b", 7, 1, "not UTF-8");
	refuse_bytes("\xff\xfei\0d\0", 6, 1, "not UTF-8");
	refuse_bytes("id: \x1b[2J", 8, 1, "not UTF-8");
}
END_TEST

START_TEST(a_document_over_the_limit_is_refused)
{
	static char text[POLICY_BYTES_MAX + 1];

	memset(text, ' ', sizeof(text));
	refuse_bytes(text, sizeof(text), 0, "larger than");
	refuse_bytes(text, sizeof(text) - 1, 1, "empty");
}
END_TEST

START_TEST(a_document_of_too_many_values_is_refused)
{
	struct buf b = {0};

	ck_assert_int_eq(buf_printf(&b, "id: ["), 0);
	for (int i = 0; i < 140000; i++)
		ck_assert_int_eq(buf_put(&b, "a,\n", 3), 0);
	refuse_bytes(b.data, b.len, 131070, "too many values");
	buf_clear(&b);
	for (int i = 0; i < 300; i++)
		ck_assert_int_eq(buf_printf(&b, "k%d: 1\n", i), 0);
	refuse_bytes(b.data, b.len, 257, "too many keys");
	buf_release(&b);
}
END_TEST

START_TEST(variables_cannot_multiply_without_bound)
{
	struct buf b = {0};
	struct policy_errors errors;

	ck_assert_int_eq(buf_printf(&b, "ampoule: 1\nkind: base\nid: p\ntrust_levels: [untrusted]\n"
					"vars:\n  v:\n"),
			 0);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(buf_printf(&b, "  - /srv/%d\n", i), 0);
	ck_assert_int_eq(buf_printf(&b, "%s  file:\n", TASK), 0);
	for (int i = 0; i < 16; i++)
		ck_assert_int_eq(buf_printf(&b, "  - { id: r%d, path: [\"${v}\"], do: read }\n", i),
				 0);
	struct policy *policy = policy_parse(b.data, b.len, &errors);

	ck_assert_ptr_nonnull(policy);
	policy_free(policy);
	ck_assert_int_eq(buf_printf(&b, "  - { id: x, path: [\"${v}\"], do: read }\n"), 0);
	ck_assert_ptr_null(policy_parse(b.data, b.len, &errors));
	ck_assert_uint_eq(errors.count, 1);
	ck_assert_ptr_nonnull(strstr(errors.list[0].text, "more than 16384 patterns"));
	ck_assert_str_eq(errors.list[0].path, "tasks[0].file[16].path");
	buf_release(&b);
}
END_TEST

START_TEST(every_finding_is_counted_and_the_first_are_kept_in_order)
{
	struct buf b = {0}, out = {0};
	struct policy_errors errors;

	for (int i = 0; i < 40; i++)
		ck_assert_int_eq(buf_printf(&b, "nonsense%d: 1\n", i), 0);
	ck_assert_ptr_null(policy_parse(b.data, b.len, &errors));
	ck_assert_uint_eq(errors.count, 45); /* and five required keys are missing */
	for (int i = 1; i < POLICY_ERRORS_MAX; i++)
		ck_assert_int_le(errors.list[i - 1].line, errors.list[i].line);
	ck_assert_int_eq(policy_errors_put(&errors, "p.yaml", &out), 0);
	ck_assert_int_eq(buf_put_u8(&out, 0), 0);
	ck_assert_ptr_nonnull(strstr((char *)out.data, "p.yaml:1:1: nonsense0: unknown key"));
	ck_assert_ptr_nonnull(strstr((char *)out.data, "p.yaml: and 13 more\n"));
	buf_release(&b);
	buf_release(&out);
}
END_TEST

START_TEST(the_story_reads_as_it_is_written)
{
	struct policy *policy = parse_file("tests/story/policy.yaml");
	struct policy_task task;
	int line = 0;

	ck_assert_str_eq(policy_id(policy), "office");
	ck_assert_uint_eq(policy_task_count(policy), 2);
	policy_task_at(policy, 0, &task);
	ck_assert_str_eq(task.id, "pdf");
	ck_assert_str_eq(task.image, "debian-docs");
	ck_assert_str_eq(task.level, "untrusted");
	ck_assert_uint_eq(task.memory_bytes, 256 << 20);
	ck_assert_uint_eq(task.cpus, 1);
	ck_assert_uint_eq(task.processes, 64);
	ck_assert_uint_eq(task.lifetime_ms, 3600000);
	ck_assert_uint_eq(task.uid, 1000);
	policy_task_at(policy, 1, &task);
	ck_assert_uint_eq(task.uid, 0);
	ck_assert_str_eq(policy_image(policy, 1, &line), "debian-docs");
	ck_assert_int_eq(line, 25);
	ck_assert_ptr_null(policy_image(policy, 2, &line));
	policy_free(policy);
}
END_TEST

START_TEST(what_is_left_out_has_its_default)
{
	struct policy *policy = parse_text(HEAD TASK);
	struct policy_task task;

	policy_task_at(policy, 0, &task);
	ck_assert_uint_eq(task.memory_bytes, 256 << 20);
	ck_assert_uint_eq(task.cpus, 1);
	ck_assert_uint_eq(task.processes, 64);
	ck_assert_uint_eq(task.lifetime_ms, 0);
	ck_assert_uint_eq(task.uid, 1000);
	policy_free(policy);
	policy_free(NULL);
}
END_TEST

int main(void)
{
	TCase *corpus = tcase_create("corpus");
	TCase *limits = tcase_create("limits");
	TCase *reading = tcase_create("reading");

	tcase_add_test(corpus, the_accepted_are_accepted);
	tcase_add_test(corpus, the_refused_are_refused_with_line_column_and_reason);
	tcase_add_test(limits, bytes_that_are_no_text_are_refused);
	tcase_add_test(limits, a_document_over_the_limit_is_refused);
	tcase_add_test(limits, a_document_of_too_many_values_is_refused);
	tcase_add_test(limits, variables_cannot_multiply_without_bound);
	tcase_add_test(limits, every_finding_is_counted_and_the_first_are_kept_in_order);
	tcase_add_test(reading, the_story_reads_as_it_is_written);
	tcase_add_test(reading, what_is_left_out_has_its_default);
	return suite_run("common/policy/policy", corpus, limits, reading);
}
