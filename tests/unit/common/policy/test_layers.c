#include <check.h>

#include "tests/support/suite.h"
#include "tests/unit/common/policy/support.h"

#define BASE  "ampoule: 1\nkind: base\nid: p\ntrust_levels: [u]\nvars: { w: [/srv/w/] }\n"
#define TASKS "tasks:\n- { id: t, match: { program: [/bin/t] }, run: { image: i, level: u }, "
#define LAID  "ampoule: 1\nextends: p\n"
#define DELTA LAID "kind: delta\n"
#define UNTIL "2026-12-24T00:00:00Z"
#define EXC   LAID "kind: exception\nreason: r\nuntil: " UNTIL "\n"

enum {
	UNTIL_S = 1798070400
};

#define LAYER(title, text)                                             \
	{                                                              \
		.name = (title), .yaml = (text), .n = sizeof(text) - 1 \
	}

static const char base[] = BASE TASKS
	"file: [ { id: w, path: [\"${w}\"], do: read } ] }\nfinal: { file: [ { id: fin, path: "
	"[\"${w}\"], do: deny, mode: audit } ] }\n";

static unsigned read_of(const struct policy *policy, const struct policy_request *request,
			const char *path, char rule[MV_NAME_MAX])
{
	cleanup_buf struct buf table = {0};

	ck_assert_int_eq(policy_compile(policy, 0, request, 1, &table), 0);
	return decide(&table, MV_CLASS_FILE, MV_OP_READ, path, rule);
}

static struct policy *merge(const struct policy_layer *layers, size_t n)
{
	struct policy_errors errors;
	struct policy *policy = policy_merge(layers, n, &errors);

	ck_assert_msg(policy != NULL, "%s:%d: %s", errors.list[0].document, errors.list[0].line,
		      errors.list[0].text);
	return policy;
}

START_TEST(the_leaf_is_tried_before_the_root_and_exceptions_before_both)
{
	const struct policy_layer layers[] = {
		LAYER("p", base),
		LAYER("root", DELTA "id: root\ngroup: r\ntasks: [ { id: t, file: [ { id: r, path: "
				    "[/srv/a/], do: read } ] } ]\n"),
		LAYER("leaf", DELTA "id: leaf\ngroup: l\ntasks: [ { id: t, file: [ { id: l, path: "
				    "[/srv/a/], do: deny } ] } ]\n"),
		LAYER("exc", EXC "id: exc\nfor: { users: [u], devices: [all] }\ntasks: [ { id: t, "
				 "file: [ { id: e, path: [/srv/a/], do: read } ] } ]\n"),
	};
	struct policy_request request = {.user = "v", .home = "/home/v"};
	char rule[MV_NAME_MAX];
	struct policy *policy = merge(layers, 2);

	ck_assert_uint_eq(read_of(policy, &request, "/srv/a/x", rule), MV_ALLOW);
	policy_free(policy);
	policy = merge(layers, 4);
	ck_assert_uint_eq(read_of(policy, &request, "/srv/a/x", rule), MV_DENY);
	ck_assert_str_eq(rule, "l");
	request.user = "u";
	ck_assert_uint_eq(read_of(policy, &request, "/srv/a/x", rule), MV_ALLOW);
	ck_assert_str_eq(rule, "e");
	policy_free(policy);
}
END_TEST

START_TEST(an_exception_ends_by_the_second)
{
	const struct policy_layer layers[] = {
		LAYER("p", base),
		LAYER("exc", EXC "id: exc\nfor: { users: [all], devices: [ws-1] }\ntasks: [ { id: "
				 "t, file: [ { id: e, path: [/srv/a/], do: read } ] } ]\n"),
	};
	struct policy *policy = merge(layers, 2);
	struct policy_request request = {
		.user = "u", .home = "/home/u", .hostname = "ws-1", .now_s = UNTIL_S - 1};
	char rule[MV_NAME_MAX];

	ck_assert_uint_eq(read_of(policy, &request, "/srv/a/x", rule), MV_ALLOW);
	ck_assert_uint_eq(policy_next_end(policy, UNTIL_S - 1), UNTIL_S);
	request.now_s = UNTIL_S;
	ck_assert_uint_eq(read_of(policy, &request, "/srv/a/x", rule), MV_HIDE);
	ck_assert_uint_eq(policy_next_end(policy, UNTIL_S), 0);
	request.now_s = 0;
	request.hostname = "ws-2";
	ck_assert_uint_eq(read_of(policy, &request, "/srv/a/x", rule), MV_HIDE);
	request.hostname = NULL; /* nobody knows: not for it */
	ck_assert_uint_eq(read_of(policy, &request, "/srv/a/x", rule), MV_HIDE);
	request.device = "ws-1";
	ck_assert_uint_eq(read_of(policy, &request, "/srv/a/x", rule), MV_ALLOW);
	policy_free(policy);
}
END_TEST

static int find_final(void *context, const struct policy_item *item)
{
	if (!strcmp(item->id, "fin"))
		*(bool *)context = strstr(item->text, "/srv/w/") != NULL;
	return 0;
}

START_TEST(no_delta_edits_a_final_rule_by_a_variable)
{
	const struct policy_layer layers[] = {
		LAYER("p", base),
		LAYER("d", DELTA "id: d\ngroup: g\nvars: { w: [/srv/other/] }\n"),
	};
	struct policy *policy = merge(layers, 2);
	struct policy_request request = {.user = "u", .home = "/home/u"};
	char rule[MV_NAME_MAX];
	bool base_var = false;

	ck_assert_uint_eq(read_of(policy, &request, "/srv/other/x", rule), MV_ALLOW);
	ck_assert_uint_eq(read_of(policy, &request, "/srv/w/x", rule), MV_HIDE);
	ck_assert_int_eq(policy_items(policy, find_final, &base_var), 0);
	ck_assert(base_var);
	policy_free(policy);
}
END_TEST

START_TEST(findings_name_the_document_and_its_own_line)
{
	const struct policy_layer layers[] = {
		LAYER("p", base),
		LAYER("d.yaml", DELTA "id: d\ngroup: g\nset: { fin: { severity: low } }\n"),
	};
	struct policy_errors errors;

	ck_assert_ptr_null(policy_merge(layers, 2, &errors));
	ck_assert_str_eq(errors.list[0].document, "d.yaml");
	ck_assert_int_eq(errors.list[0].line, 6);
	ck_assert_ptr_null(policy_merge(layers, 0, &errors));
	ck_assert_uint_eq(errors.count, 1);
}
END_TEST

START_TEST(a_stream_falls_apart_and_together)
{
	static const char stream[] = "# front\n---\na: 1\n--- # comment\nb: 2\n--- {c: 3}\n";
	struct policy_layer layers[4];
	cleanup_buf struct buf out = {0};

	ck_assert_uint_eq(policy_split(stream, sizeof(stream) - 1, layers, 4), 3);
	ck_assert_int_eq(layers[0].line_before, 2);
	ck_assert_uint_eq(layers[0].n, 5);
	ck_assert_int_eq(layers[1].line_before, 4);
	ck_assert_int_eq(layers[2].line_before, 5);
	ck_assert_int_eq(strncmp(layers[2].yaml, "--- {c: 3}\n", layers[2].n), 0);
	ck_assert_int_eq(policy_join(layers, 2, &out), 0);
	ck_assert_uint_eq(policy_split(out.data, out.len, layers, 1),
			  2); /* more than there is room for */
	ck_assert_uint_eq(policy_split("", 0, layers, 4), 1);
}
END_TEST

START_TEST(too_many_documents_are_refused)
{
	cleanup_buf struct buf text = {0};
	struct policy_errors errors;

	ck_assert_int_eq(buf_put(&text, base, sizeof(base) - 1), 0);
	for (int i = 0; i < POLICY_LAYERS_MAX; i++)
		ck_assert_int_eq(buf_printf(&text, "---\n" DELTA "id: d%d\ngroup: g\n", i), 0);
	ck_assert_ptr_null(policy_parse(text.data, text.len, &errors));
	ck_assert_ptr_nonnull(strstr(errors.list[0].text, "documents"));
}
END_TEST

START_TEST(deep_nesting_and_bombs_are_refused)
{
	cleanup_buf struct buf text = {0};
	struct policy_errors errors;

	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(buf_put(&text, "[", 1), 0);
	ck_assert_ptr_null(policy_parse(text.data, text.len, &errors));
	ck_assert_str_eq(errors.list[0].text, "nested too deep");
	static const char bomb[] = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";

	ck_assert_ptr_null(policy_parse(bomb, sizeof(bomb) - 1, &errors));
	ck_assert_ptr_nonnull(strstr(errors.list[0].text, "anchors"));
}
END_TEST

START_TEST(a_head_is_read_without_what_it_is_laid_on)
{
	const struct policy_layer delta =
		LAYER("d", DELTA "id: d\ngroup: g\ntasks: [ { id: nowhere } ]\n");
	const struct policy_layer bad = LAYER("d", DELTA "id: d\n");
	struct policy_errors errors;
	struct policy_head head;

	ck_assert_int_eq(policy_read_head(&delta, &head, &errors), 0);
	ck_assert_int_eq(head.kind, POLICY_KIND_DELTA);
	ck_assert_str_eq(head.id, "d");
	ck_assert_str_eq(head.extends, "p");
	ck_assert_str_eq(head.group, "g");
	ck_assert_int_lt(policy_read_head(&bad, &head, &errors), 0);
	ck_assert_str_eq(errors.list[0].text, "'group' is missing");
}
END_TEST

static bool has_note(const struct policy *policy, const char *says)
{
	const struct policy_errors *notes = policy_notes(policy);

	for (size_t i = 0; i < notes->count && i < POLICY_ERRORS_MAX; i++) {
		if (strstr(notes->list[i].text, says))
			return true;
	}
	return false;
}

static const struct {
	const char *rules;
	const char *note; /* NULL: none */
} shadows[] = {
	{"file: [ { id: a, path: [/srv/], do: read }, { id: b, path: [/srv/x/, /srv/y], do: deny } "
	 "]",
	 "rule \"b\" can never decide: it is shadowed by \"a\""},
	{"file: [ { id: a, path: [/srv/x/], do: read }, { id: b, path: [/srv/x/, /srv/y], do: deny "
	 "} ]",
	 NULL},
	{"file: [ { id: a, path: [\"/srv/*\"], do: read }, { id: b, path: [/srv/x], do: deny } ]",
	 "\"b\""},
	{"file: [ { id: a, path: [\"/srv/?\"], do: read }, { id: b, path: [\"/srv/*\"], do: deny } "
	 "]",
	 NULL},
	{"file: [ { id: a, path: [/srv/], do: deny, mode: audit }, { id: b, path: [/srv/], do: "
	 "read } ]",
	 NULL},
	{"net: [ { id: a, host: [\"*\"], port: [443], do: deny }, { id: b, host: [a.x], port: "
	 "[443], "
	 "do: allow } ]",
	 "\"b\""},
	{"net: [ { id: a, host: [\"*\"], port: [443], do: deny }, { id: b, host: [a.x], port: [80, "
	 "443], "
	 "do: allow } ]",
	 NULL},
	{"stdio: [ { id: a, stream: [stdout], do: deny }, { id: b, stream: [stdout], to: [file], "
	 "do: "
	 "allow } ]",
	 "\"b\""},
	{"file: [ { id: a, path: [\"{file}\"], do: read }, { id: b, path: [\"{file}\"], do: copy } "
	 "]",
	 "\"b\""},
};

START_TEST(what_can_never_decide_is_noted)
{
	char text[1024];

	snprintf(text, sizeof(text), BASE TASKS "%s }\n", shadows[_i].rules);
	struct policy *policy = parse_text(text);

	ck_assert(has_note(policy, shadows[_i].note ? shadows[_i].note : "shadowed") ==
		  (shadows[_i].note != NULL));
	policy_free(policy);
}
END_TEST

START_TEST(a_task_behind_one_of_the_same_programs_is_noted)
{
	struct policy *policy = parse_text(
		BASE TASKS "}\n- { id: s, match: { program: [/bin/t], file: [\"*.x\"] }, "
			   "run: { image: i, level: u } }\n");

	ck_assert(has_note(policy, "task \"s\" can never match: it is shadowed by \"t\""));
	policy_free(policy);
}
END_TEST

int main(void)
{
	TCase *layers = tcase_create("layers");
	TCase *limits = tcase_create("limits");
	TCase *notes = tcase_create("notes");

	tcase_add_test(layers, the_leaf_is_tried_before_the_root_and_exceptions_before_both);
	tcase_add_test(layers, an_exception_ends_by_the_second);
	tcase_add_test(layers, no_delta_edits_a_final_rule_by_a_variable);
	tcase_add_test(layers, findings_name_the_document_and_its_own_line);
	tcase_add_test(layers, a_stream_falls_apart_and_together);
	tcase_add_test(layers, a_head_is_read_without_what_it_is_laid_on);
	tcase_add_test(limits, too_many_documents_are_refused);
	tcase_add_test(limits, deep_nesting_and_bombs_are_refused);
	tcase_add_loop_test(notes, what_can_never_decide_is_noted, 0,
			    (int)(sizeof(shadows) / sizeof(shadows[0])));
	tcase_add_test(notes, a_task_behind_one_of_the_same_programs_is_noted);
	return suite_run("common/policy/layers", layers, limits, notes);
}
