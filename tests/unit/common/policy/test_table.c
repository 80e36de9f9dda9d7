#include <check.h>
#include <errno.h>

#include "tests/support/suite.h"
#include "tests/unit/common/policy/support.h"

enum {
	RULES = 100 /* enough for an index */
};

static struct buf table;

/* Hosts, names and folders; an index that is good. */
static void setup(void)
{
	cleanup_buf struct buf text = {0};
	struct policy_request request = {.user = "u", .home = "/home/u"};

	ck_assert_int_eq(buf_printf(&text, "%s%s  dns:\n", HEAD, TASK), 0);
	ck_assert_int_eq(buf_printf(&text, "  - { id: d-no, host: [\"*.no.example\"], do: deny }\n"
					   "  - { id: d-all, host: [\"*\"], do: allow }\n"),
			 0);
	ck_assert_int_eq(buf_printf(&text, "  stdio: [ { id: s, stream: [stdout], do: deny } ]\n"
					   "  file:\n"),
			 0);
	for (int i = 0; i < RULES; i++)
		ck_assert_int_eq(buf_printf(&text, "  - { id: r%d, path: [/srv/%d/], do: read }\n",
					    i, i),
				 0);
	struct policy_errors errors;
	struct policy *policy = policy_parse(text.data, text.len, &errors);

	ck_assert_msg(policy != NULL, "%d: %s", errors.list[0].line, errors.list[0].text);
	table = (struct buf){0};
	ck_assert_int_eq(policy_compile(policy, 0, &request, 1, &table), 0);
	policy_free(policy);
}

static void teardown(void)
{
	buf_release(&table);
}

START_TEST(every_kind_of_key_is_found)
{
	char rule[MV_NAME_MAX];
	struct mv_policy p;

	ck_assert_int_eq(mv_policy_init(&p, table.data, table.len), 0);
	ck_assert_uint_gt(p.header->bucket_count, 0);
	ck_assert_uint_eq(decide(&table, MV_CLASS_DNS, MV_OP_LOOKUP, "nodots", rule), MV_ALLOW);
	ck_assert_str_eq(rule, "d-all");
	ck_assert_uint_eq(decide(&table, MV_CLASS_DNS, MV_OP_LOOKUP, "a.no.example", rule),
			  MV_DENY);
	ck_assert_uint_eq(decide(&table, MV_CLASS_DNS, MV_OP_LOOKUP, "no.example", rule), MV_ALLOW);
	ck_assert_uint_eq(decide(&table, MV_CLASS_STDIO, MV_OP_WRITE, "stdout", rule), MV_DENY);
	ck_assert_uint_eq(decide(&table, MV_CLASS_STDIO, MV_OP_WRITE, "stdout:file", rule),
			  MV_DENY);
	ck_assert_uint_eq(decide(&table, MV_CLASS_STDIO, MV_OP_WRITE, "stderr", rule), MV_ALLOW);
	ck_assert_uint_eq(decide(&table, MV_CLASS_FILE, MV_OP_READ, "/srv/99/x/y", rule), MV_ALLOW);
	ck_assert_str_eq(rule, "r99");
	ck_assert_uint_eq(decide(&table, MV_CLASS_FILE, MV_OP_READ, "/srv", rule), MV_HIDE);
}
END_TEST

/* Where the index lies in the table. */
static uint32_t *index_of(struct mv_table_header **ret_header)
{
	struct mv_table_header *header = (void *)table.data;

	*ret_header = header;
	return (void *)(table.data + sizeof(*header) +
			header->rule_count * sizeof(struct mv_table_rule) +
			header->pattern_count * sizeof(struct mv_table_pattern));
}

static void expect_refusal(void)
{
	struct mv_policy p;

	ck_assert_int_eq(mv_policy_init(&p, table.data, table.len), -EBADMSG);
}

START_TEST(an_index_that_misses_a_pattern_is_refused)
{
	struct mv_table_header *header;
	uint32_t *order = index_of(&header) + header->bucket_count;

	order[0] = order[header->pattern_count - 1]; /* one twice, one never */
	expect_refusal();
	order[0] = header->pattern_count; /* none at all */
	expect_refusal();
	order[0] = UINT32_MAX;
	expect_refusal();
}
END_TEST

START_TEST(an_index_with_wrong_buckets_is_refused)
{
	struct mv_table_header *header;
	uint32_t *ends = index_of(&header), last = header->bucket_count - 1;
	uint32_t end = ends[last];

	ends[last] = end + 1;
	expect_refusal();
	ends[last] = end - 1;
	expect_refusal();
	ends[last] = UINT32_MAX;
	expect_refusal();
	ends[last] = end;
	ends[0] = end; /* all in the first one */
	expect_refusal();
}
END_TEST

START_TEST(a_bucket_count_that_is_no_power_of_two_is_refused)
{
	struct mv_table_header *header;

	(void)index_of(&header);
	header->bucket_count -= 1;
	expect_refusal();
	header->bucket_count = 0; /* the index would be strings */
	expect_refusal();
	header->bucket_count = UINT32_MAX;
	expect_refusal();
}
END_TEST

START_TEST(a_pattern_of_another_rule_is_refused)
{
	struct mv_table_header *header;

	(void)index_of(&header);
	struct mv_table_pattern *patterns =
		(void *)(table.data + sizeof(*header) +
			 header->rule_count * sizeof(struct mv_table_rule));

	patterns[5].rule++;
	expect_refusal();
	patterns[5].rule = UINT32_MAX;
	expect_refusal();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("index");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, every_kind_of_key_is_found);
	tcase_add_test(t, an_index_that_misses_a_pattern_is_refused);
	tcase_add_test(t, an_index_with_wrong_buckets_is_refused);
	tcase_add_test(t, a_bucket_count_that_is_no_power_of_two_is_refused);
	tcase_add_test(t, a_pattern_of_another_rule_is_refused);
	return suite_run("common/policy/table", t);
}
