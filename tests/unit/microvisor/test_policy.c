#include <check.h>
#include <errno.h>
#include <string.h>

#include "microvisor/arbiter/policy.h"
#include "tests/support/suite.h"
#include "tests/support/table.h"

static const struct table_rule rules[] = {
	{.id = "no-keys", .verdict = MV_DENY, .subtree = "/home/u/.ssh", .severity = MV_HIGH},
	{.id = "watch", .verdict = MV_DENY, .glob = "/home/u/docs/**.key", .audit = 1},
	{.id = "stop", .verdict = MV_DENY, .exact = "/home/u/trap", .terminate = 1},
	{.id = "doc", .verdict = MV_COPY, .exact = "/home/u/a.pdf"},
	{.id = "pdfs", .verdict = MV_ALLOW, .glob = "/srv/*/*.pdf"},
	{.id = "docs", .verdict = MV_ALLOW, .subtree = "/home/u/docs", .exact = "/home/u/one"},
	{.id = "late", .verdict = MV_DENY, .subtree = "/home/u/docs/secret"},
	{.id = "sites", .verdict = MV_ALLOW, .class = MV_CLASS_DNS, .glob = "*.example.org"},
	{0},
};

static void *table;
static size_t table_bytes;
static struct mv_policy policy;

static void setup(void)
{
	table = table_build(rules, 7, &table_bytes);
	ck_assert_int_eq(mv_policy_init(&policy, table, table_bytes), 0);
}

static void teardown(void)
{
	free(table);
}

static struct mv_decision ask(unsigned class, unsigned op, const char *object, size_t n)
{
	struct mv_decision decision;
	struct mv_access access = {.class = (uint8_t) class,
				   .op = (uint8_t)op,
				   .object = object,
				   .object_bytes = (uint16_t)n};

	mv_arbitrate(&policy, &access, &decision);
	return decision;
}

static const struct {
	const char *path;
	enum mv_op op;
	enum mv_verdict verdict;
	int rule;
	unsigned audits;
} cases[] = {
	{"/home/u/.ssh", MV_OP_LIST, MV_DENY, 0, 0},
	{"/home/u/.ssh/id", MV_OP_OPEN, MV_DENY, 0, 0},
	{"/home/u/.sshx", MV_OP_OPEN, MV_HIDE, -1, 0},
	{"/home/u/trap", MV_OP_LOOKUP, MV_TERMINATE, 2, 0},
	{"/home/u/a.pdf", MV_OP_READ, MV_COPY, 3, 0},
	{"/home/u/a.pdf", MV_OP_WRITE, MV_COPY, 3, 0},
	{"/home/u/docs/x", MV_OP_READ, MV_ALLOW, 5, 0},
	{"/home/u/one", MV_OP_READ, MV_ALLOW, 5, 0},
	{"/home/u/docs/x", MV_OP_WRITE, MV_DENY, 5, 0},
	{"/home/u/docs/x", MV_OP_CREATE, MV_DENY, 5, 0},
	{"/home/u/docs/x", MV_OP_DELETE, MV_DENY, 5, 0},
	{"/home/u/docs/x", MV_OP_RENAME, MV_DENY, 5, 0},
	{"/home/u/docs/d/x.key", MV_OP_OPEN, MV_ALLOW, 5, 1},
	{"/home/u/docs/secret/x", MV_OP_OPEN, MV_ALLOW, 5, 0},
	{"/srv/a/b.pdf", MV_OP_OPEN, MV_ALLOW, 4, 0},
	{"/srv/b.pdf", MV_OP_OPEN, MV_HIDE, -1, 0},
	{"/etc/passwd", MV_OP_WRITE, MV_HIDE, -1, 0},
	{"/home/u/docs/../.ssh/id", MV_OP_OPEN, MV_DENY, -1, 0},
	{"/home/u/docs/", MV_OP_OPEN, MV_DENY, -1, 0},
	{"home/u/docs", MV_OP_OPEN, MV_DENY, -1, 0},
	{"", MV_OP_OPEN, MV_DENY, -1, 0},
};

START_TEST(the_first_match_decides)
{
	struct mv_decision d =
		ask(MV_CLASS_FILE, cases[_i].op, cases[_i].path, strlen(cases[_i].path));

	ck_assert_msg(d.verdict == cases[_i].verdict && d.rule == cases[_i].rule &&
			      d.audit_hits == cases[_i].audits,
		      "%s: verdict %u rule %d audits %u", cases[_i].path, d.verdict, d.rule,
		      d.audit_hits);
}
END_TEST

START_TEST(a_malformed_access_is_denied_by_no_rule)
{
	ck_assert_uint_eq(ask(0, MV_OP_OPEN, "/home/u/docs/x", 14).verdict, MV_DENY);
	ck_assert_uint_eq(ask(MV_CLASS_COUNT, MV_OP_OPEN, "/home/u/docs/x", 14).verdict, MV_DENY);
	ck_assert_uint_eq(ask(MV_CLASS_FILE, MV_OP_COUNT, "/home/u/docs/x", 14).verdict, MV_DENY);
	ck_assert_uint_eq(ask(MV_CLASS_FILE, MV_OP_OPEN, "/home/u/docs/\0", 14).verdict, MV_DENY);
	ck_assert_uint_eq(ask(MV_CLASS_DNS, MV_OP_LOOKUP, "a\0.example.org", 14).verdict, MV_DENY);
	ck_assert_int_eq(ask(MV_CLASS_DNS, MV_OP_LOOKUP, "a\0.example.org", 14).rule, -1);
	ck_assert_uint_eq(ask(MV_CLASS_DNS, MV_OP_LOOKUP, "a.example.org", 13).verdict, MV_ALLOW);
	ck_assert_uint_eq(ask(MV_CLASS_DNS, MV_OP_LOOKUP, "example.org", 11).verdict, MV_DENY);
}
END_TEST

START_TEST(a_rule_tells_its_severity_and_id)
{
	char id[MV_NAME_MAX];
	struct mv_decision d = ask(MV_CLASS_FILE, MV_OP_OPEN, "/home/u/.ssh/id", 15);

	ck_assert_uint_eq(d.severity, MV_HIGH);
	mv_policy_rule_id(&policy, d.rule, id);
	ck_assert_str_eq(id, "no-keys");
	mv_policy_rule_id(&policy, -1, id);
	ck_assert_str_eq(id, "");
	mv_policy_rule_id(&policy, 1000, id);
	ck_assert_str_eq(id, "");
}
END_TEST

static bool leads(const char *path)
{
	return mv_policy_leads_to(&policy, path, strlen(path));
}

static bool holds(const char *path)
{
	return mv_policy_may_hold(&policy, path, strlen(path));
}

static bool sealed(const char *path)
{
	return mv_policy_is_sealed(&policy, path, strlen(path));
}

START_TEST(ancestors_of_what_rules_name_are_ways)
{
	ck_assert(leads("/"));
	ck_assert(leads("/home"));
	ck_assert(leads("/home/u"));
	ck_assert(leads("/srv"));
	ck_assert(leads("/home/u/docs"));
	ck_assert(!leads("/home/u/.ssh"));
	ck_assert(!leads("/home/u/a.pdf"));
	ck_assert(!leads("/srv/a"));
	ck_assert(!leads("/home/v"));
	ck_assert(!leads("/hom"));
	ck_assert(!leads("/home/u/docs/.."));
}
END_TEST

START_TEST(folders_that_could_hold_an_allowed_file_are_known)
{
	ck_assert(holds("/srv/a"));
	ck_assert(holds("/home/u"));
	ck_assert(holds("/home/u/docs/deep/er"));
	ck_assert(!holds("/srv/a/b"));
	ck_assert(!holds("/home/u/.ssh"));
	ck_assert(!holds("/home/u/a.pdf"));
}
END_TEST

START_TEST(only_a_subtree_that_nothing_opens_is_sealed)
{
	ck_assert(sealed("/home/u/.ssh"));
	ck_assert(sealed("/home/u/.ssh/id"));
	ck_assert(!sealed("/home/u"));
	ck_assert(!sealed("/home/u/.sshx"));
	ck_assert(!sealed("/home/u/trap"));
	ck_assert(!sealed("/home/u/docs/secret"));
	ck_assert(!sealed("relative"));
}
END_TEST

START_TEST(an_earlier_opening_glob_unseals)
{
	const struct table_rule open[] = {
		{.id = "pub", .verdict = MV_ALLOW, .glob = "/home/u/.ssh/*.pub"},
		{.id = "no-keys", .verdict = MV_DENY, .subtree = "/home/u/.ssh"},
		{0},
	};
	size_t n;
	void *other = table_build(open, 1, &n);

	ck_assert_int_eq(mv_policy_init(&policy, other, n), 0);
	ck_assert(!sealed("/home/u/.ssh"));
	ck_assert(sealed("/home/u/.ssh/deep"));
	free(other);
}
END_TEST

START_TEST(the_subtree_of_the_root_is_everything)
{
	const struct table_rule all[] = {{.id = "all", .verdict = MV_DENY, .subtree = ""}, {0}};
	size_t n;
	void *other = table_build(all, 1, &n);

	ck_assert_int_eq(mv_policy_init(&policy, other, n), 0);
	ck_assert_uint_eq(ask(MV_CLASS_FILE, MV_OP_OPEN, "/a", 2).verdict, MV_DENY);
	ck_assert_int_eq(ask(MV_CLASS_FILE, MV_OP_OPEN, "/a", 2).rule, 0);
	ck_assert_int_eq(ask(MV_CLASS_FILE, MV_OP_LIST, "/", 1).rule, 0);
	ck_assert(sealed("/"));
	free(other);
}
END_TEST

/* One broken field each: offset into the table, new byte. */
#define HEADER(field) offsetof(struct mv_table_header, field)
#define RULE(field)   sizeof(struct mv_table_header) + offsetof(struct mv_table_rule, field)
#define PATTERN(field)                                                      \
	sizeof(struct mv_table_header) + 8 * sizeof(struct mv_table_rule) + \
		offsetof(struct mv_table_pattern, field)

static const struct {
	size_t offset;
	uint8_t byte;
} broken[] = {
	{HEADER(magic), 0},
	{HEADER(total_bytes), 1},
	{HEADER(rule_count), 9},
	{HEADER(rule_count) + 3, 0xff},
	{HEADER(pattern_count), 0xff},
	{HEADER(pattern_count) + 3, 0xff},
	{HEADER(string_bytes), 0},
	{HEADER(string_bytes) + 3, 0xff},
	{HEADER(bucket_count), 0}, /* no index */
	{HEADER(bucket_count), 2}, /* more than there is */
	{HEADER(fallback), MV_DENY},
	{HEADER(fallback) + MV_CLASS_NET, 0},
	{HEADER(fallback) + MV_CLASS_NET, MV_VERDICT_COUNT},
	{HEADER(padding), 1},
	{RULE(class), 0},
	{RULE(class), MV_CLASS_COUNT},
	{RULE(verdict), 0},
	{RULE(verdict), MV_TERMINATE},
	{RULE(audit), 2},
	{RULE(severity), 0},
	{RULE(severity), MV_CRITICAL + 1},
	{RULE(terminate), 2},
	{RULE(reserved), 1},
	{RULE(id_offset) + 3, 0xff},
	{RULE(id_bytes), 0},
	{RULE(id_bytes), MV_NAME_MAX},
	{RULE(pattern_first), 0xff},
	{RULE(pattern_first) + 3, 0xff},
	{RULE(pattern_count), 0},
	{RULE(pattern_count) + 3, 0xff},
	{sizeof(struct mv_table_rule) * 3 + RULE(audit), 1}, /* a COPY cannot be an audit rule */
	{PATTERN(offset) + 3, 0xff},
	{PATTERN(bytes) + 1, 0xff},
	{PATTERN(bytes) + 3, 0xff},
	{PATTERN(kind), 0},
	{PATTERN(kind), MV_PATTERN_GLOB + 1},
	{PATTERN(rule), 1},
};

START_TEST(one_broken_byte_is_refused)
{
	((uint8_t *)table)[broken[_i].offset] = broken[_i].byte;
	ck_assert_int_eq(mv_policy_init(&policy, table, table_bytes), -EBADMSG);
}
END_TEST

START_TEST(an_unterminated_name_is_refused)
{
	memset((char *)table + HEADER(policy_id), 'x', MV_NAME_MAX);
	ck_assert_int_eq(mv_policy_init(&policy, table, table_bytes), -EBADMSG);
}
END_TEST

START_TEST(a_nul_or_a_trailing_slash_in_a_pattern_is_refused)
{
	uint8_t *strings = (uint8_t *)table + table_bytes - policy.header->string_bytes;

	strings[policy.patterns[0].offset + policy.patterns[0].bytes - 1] = '/';
	ck_assert_int_eq(mv_policy_init(&policy, table, table_bytes), -EBADMSG);
	strings[policy.patterns[0].offset + policy.patterns[0].bytes - 1] = 0;
	ck_assert_int_eq(mv_policy_init(&policy, table, table_bytes), -EBADMSG);
}
END_TEST

START_TEST(every_other_length_is_refused)
{
	for (size_t n = 0; n < table_bytes; n++)
		ck_assert_int_eq(mv_policy_init(&policy, table, n), -EBADMSG);
	ck_assert_int_eq(mv_policy_init(&policy, table, MV_TABLE_BYTES_MAX + 1), -EFBIG);
	ck_assert_int_eq(mv_policy_init(&policy, (char *)table + 4, table_bytes - 4), -EBADMSG);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("policy");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, the_first_match_decides, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(t, a_malformed_access_is_denied_by_no_rule);
	tcase_add_test(t, a_rule_tells_its_severity_and_id);
	tcase_add_test(t, ancestors_of_what_rules_name_are_ways);
	tcase_add_test(t, folders_that_could_hold_an_allowed_file_are_known);
	tcase_add_test(t, only_a_subtree_that_nothing_opens_is_sealed);
	tcase_add_test(t, an_earlier_opening_glob_unseals);
	tcase_add_test(t, the_subtree_of_the_root_is_everything);
	tcase_add_loop_test(t, one_broken_byte_is_refused, 0, sizeof(broken) / sizeof(broken[0]));
	tcase_add_test(t, an_unterminated_name_is_refused);
	tcase_add_test(t, a_nul_or_a_trailing_slash_in_a_pattern_is_refused);
	tcase_add_test(t, every_other_length_is_refused);
	return suite_run("microvisor/policy", t);
}
