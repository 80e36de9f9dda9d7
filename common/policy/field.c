#include "common/policy/field.h"

#include <string.h>

#include "common/policy/document.h"
#include "common/policy/report.h"

enum {
	LIST_MAX = 4096,  /* rules of one list */
	TEXTS_MAX = 1024, /* texts of one list */
	TESTS_MAX = 1024, /* each compiles the policy once */
	NEAR = 2          /* letters that a suggestion may differ by */
};

static const struct field_word kinds[] = {{"base", POLICY_KIND_BASE},
					  {"delta", POLICY_KIND_DELTA | WORD_RESERVED},
					  {"exception", POLICY_KIND_EXCEPTION | WORD_RESERVED},
					  {NULL, 0}};
static const struct field_word file_actions[] = {{"read", MV_ALLOW},
						 {"copy", MV_COPY},
						 {"new", MV_NEW | WORD_RESERVED},
						 {"deny", MV_DENY},
						 {NULL, 0}};
static const struct field_word net_actions[] = {{"allow", MV_ALLOW}, {"deny", MV_DENY}, {NULL, 0}};
static const struct field_word save_actions[] = {{"discard", SAVE_DISCARD},
						 {"ask", SAVE_ASK | WORD_RESERVED},
						 {"save", SAVE_KEEP | WORD_RESERVED},
						 {NULL, 0}};
static const struct field_word modes[] = {
	{"enforce", MODE_ENFORCE}, {"audit", MODE_AUDIT}, {NULL, 0}};
static const struct field_word severities[] = {{"low", MV_LOW},
					       {"medium", MV_MEDIUM},
					       {"high", MV_HIGH},
					       {"critical", MV_CRITICAL},
					       {NULL, 0}};
static const struct field_word protos[] = {{"tcp", PROTO_TCP}, {"udp", PROTO_UDP}, {NULL, 0}};
static const struct field_word deny_actions[] = {{"terminate", MV_TERMINATE}, {NULL, 0}};
static const struct field_word verdicts[] = {{"read", MV_ALLOW},          {"allow", MV_ALLOW},
					     {"copy", MV_COPY},           {"new", MV_NEW},
					     {"deny", MV_DENY},           {"hide", MV_HIDE},
					     {"terminate", MV_TERMINATE}, {NULL, 0}};

#define AT(type, member) .offset = offsetof(struct type, member)
#define MIB              (UINT64_C(1) << 20)
#define GIB              (UINT64_C(1) << 30)
#define HOUR             UINT64_C(3600000)

/* A target of a test: exactly one of them stands in it (check.c). */
#define TARGET(word, number, what)                                                           \
	{                                                                                    \
		OBJECT_TEST, word, FIELD_TEXT, FIELD_OPTIONAL, 1, AT(test, targets[number]), \
			.max = MV_PATH_MAX - 1, .example = "\"~/.ssh/id_rsa\"", .help = what \
	}

/* What rules of every class have. */
#define RULE_ID(object)                                                                         \
	{                                                                                       \
		object, "id", FIELD_ID, FIELD_REQUIRED, 1, AT(rule, id),                        \
			.example = "no-keys",                                                   \
			.help = "name of the rule, unique in the policy; events and `explain` " \
				"speak of it"                                                   \
	}
#define RULE_EXTRA(object)                                                                  \
	{object,                                                                            \
	 "mode",                                                                            \
	 FIELD_WORD,                                                                        \
	 FIELD_OPTIONAL,                                                                    \
	 1,                                                                                 \
	 AT(rule, mode),                                                                    \
	 .fallback = "enforce",                                                             \
	 .words = modes,                                                                    \
	 .example = "audit",                                                                \
	 .help = "audit: the match is recorded and matching goes on; only for `do: deny`"}, \
		{object,                                                                    \
		 "severity",                                                                \
		 FIELD_WORD,                                                                \
		 FIELD_OPTIONAL,                                                            \
		 1,                                                                         \
		 AT(rule, severity),                                                        \
		 .fallback = "medium",                                                      \
		 .words = severities,                                                       \
		 .example = "high",                                                         \
		 .help = "of the events that the rule causes; see on_deny"},                \
	{                                                                                   \
		object, "attack", FIELD_ATTACK, FIELD_OPTIONAL, 1, AT(rule, attack),        \
			.example = "T1552.004",                                             \
			.help = "technique of MITRE ATT&CK that the rule is about"          \
	}

const struct field policy_fields[] = {
	{OBJECT_POLICY, "ampoule", FIELD_NUMBER, FIELD_REQUIRED, 1, AT(policy, version), .min = 1,
	 .max = 1, .example = "1", .help = "version of the language"},
	{OBJECT_POLICY, "kind", FIELD_WORD, FIELD_REQUIRED, 1, AT(policy, kind), .words = kinds,
	 .example = "base", .help = "what the document is"},
	{OBJECT_POLICY, "id", FIELD_ID, FIELD_REQUIRED, 1, AT(policy, id), .example = "office",
	 .help = "name of the policy"},
	{OBJECT_POLICY, "trust_levels", FIELD_TEXTS, FIELD_REQUIRED, 1, AT(policy, trust_levels),
	 .max = 16, .example = "[trusted, partner, untrusted]",
	 .help = "the levels that tasks run at, most trusted first"},
	{OBJECT_POLICY, "default_task", FIELD_ID, FIELD_OPTIONAL, 1, AT(policy, default_task),
	 .fallback = "refuse", .example = "refuse",
	 .help = "for a program that no task matches: `refuse`, or a task's id"},
	{OBJECT_POLICY, "vars", FIELD_VARS, FIELD_OPTIONAL, 1, AT(policy, vars), .max = TEXTS_MAX,
	 .example = "{ work: [\"~/Documents/\"] }",
	 .help = "lists by name; `\"${work}\"` as an item of another list stands for them"},
	{OBJECT_POLICY, "final", FIELD_MAP, FIELD_OPTIONAL, 1, AT(policy, final),
	 .of = OBJECT_FINAL, .help = "rules tried before all others, in every task"},
	{OBJECT_POLICY, "tasks", FIELD_LIST, FIELD_REQUIRED, 1, AT(policy, tasks), .max = 256,
	 .of = OBJECT_TASK, .help = "what may be run; the first that matches counts"},
	{OBJECT_POLICY, "tests", FIELD_LIST, FIELD_OPTIONAL, 1, AT(policy, tests), .max = TESTS_MAX,
	 .of = OBJECT_TEST, .help = "run when the policy is applied; a failing one refuses it"},
	{OBJECT_POLICY, "extends", FIELD_ID, FIELD_RESERVED, 1, .help = "of deltas and exceptions"},
	{OBJECT_POLICY, "group", FIELD_ID, FIELD_RESERVED, 1, .help = "of deltas"},
	{OBJECT_POLICY, "set", FIELD_MAP, FIELD_RESERVED, 1, .help = "of deltas"},
	{OBJECT_POLICY, "for", FIELD_MAP, FIELD_RESERVED, 1, .help = "of exceptions"},
	{OBJECT_POLICY, "until", FIELD_TEXT, FIELD_RESERVED, 1, .help = "of exceptions"},
	{OBJECT_POLICY, "reason", FIELD_TEXT, FIELD_RESERVED, 1, .help = "of exceptions"},

	{OBJECT_FINAL, "file", FIELD_LIST, FIELD_OPTIONAL, 1, AT(rules, file), .max = LIST_MAX,
	 .of = OBJECT_FILE_RULE, .help = "file rules, first match wins"},
	{OBJECT_FINAL, "net", FIELD_LIST, FIELD_OPTIONAL, 1, AT(rules, net), .max = LIST_MAX,
	 .of = OBJECT_NET_RULE, .help = "network rules, first match wins"},

	{OBJECT_TASK, "id", FIELD_ID, FIELD_REQUIRED, 1, AT(task, id), .example = "pdf",
	 .help = "name of the task, unique in the policy"},
	{OBJECT_TASK, "match", FIELD_MAP, FIELD_REQUIRED, 1, AT(task, match), .of = OBJECT_MATCH,
	 .help = "which programs and files make this task"},
	{OBJECT_TASK, "run", FIELD_MAP, FIELD_REQUIRED, 1, AT(task, run), .of = OBJECT_RUN,
	 .help = "in what it runs"},
	{OBJECT_TASK, "file", FIELD_LIST, FIELD_OPTIONAL, 1, AT(task, rules.file), .max = LIST_MAX,
	 .of = OBJECT_FILE_RULE, .help = "file rules, first match wins; no match: hidden"},
	{OBJECT_TASK, "net", FIELD_LIST, FIELD_OPTIONAL, 1, AT(task, rules.net), .max = LIST_MAX,
	 .of = OBJECT_NET_RULE, .help = "network rules, first match wins; no match: denied"},
	{OBJECT_TASK, "save", FIELD_LIST, FIELD_OPTIONAL, 1, AT(task, rules.save), .max = LIST_MAX,
	 .of = OBJECT_SAVE_RULE, .help = "what is kept at exit; no match: discarded"},
	{OBJECT_TASK, "on_deny", FIELD_MAP, FIELD_OPTIONAL, 1, AT(task, on_deny),
	 .of = OBJECT_ON_DENY, .help = "what a deny does besides being one"},

	{OBJECT_MATCH, "program", FIELD_TEXTS, FIELD_REQUIRED, 1, AT(match, program),
	 .max = TEXTS_MAX, .example = "[/usr/bin/mutool]",
	 .help = "paths in the guest, after symlinks; globs"},
	{OBJECT_MATCH, "file", FIELD_TEXTS, FIELD_OPTIONAL, 1, AT(match, file), .max = TEXTS_MAX,
	 .example = "[\"*.pdf\"]",
	 .help = "with it, files must be given and each must match one pattern"},
	{OBJECT_MATCH, "origin", FIELD_MAP, FIELD_RESERVED, 1, .help = "trust level of the file"},

	{OBJECT_RUN, "image", FIELD_NAME, FIELD_REQUIRED, 1, AT(run, image),
	 .example = "debian-docs", .help = "golden image"},
	{OBJECT_RUN, "level", FIELD_ID, FIELD_REQUIRED, 1, AT(run, level), .example = "untrusted",
	 .help = "one of trust_levels"},
	{OBJECT_RUN, "memory", FIELD_SIZE, FIELD_OPTIONAL, 1, AT(run, memory_bytes),
	 .fallback = "256Mi", .min = 64 * MIB, .max = 64 * GIB, .example = "512Mi",
	 .help = "of the micro-VM; must be a shape that the image has"},
	{OBJECT_RUN, "cpus", FIELD_NUMBER, FIELD_OPTIONAL, 1, AT(run, cpus), .fallback = "1",
	 .min = 1, .max = 64, .example = "1",
	 .help = "of the micro-VM; must be a shape that the image has"},
	{OBJECT_RUN, "lifetime", FIELD_DURATION, FIELD_OPTIONAL, 1, AT(run, lifetime_ms),
	 .min = 1000, .max = HOUR * 24 * 31, .example = "1h",
	 .help = "the micro-VM is ended after it; absent: no limit"},
	{OBJECT_RUN, "processes", FIELD_NUMBER, FIELD_OPTIONAL, 1, AT(run, processes),
	 .fallback = "64", .min = 1, .max = 32768, .example = "64",
	 .help = "of the task in the guest, at once"},
	{OBJECT_RUN, "uid", FIELD_NUMBER, FIELD_OPTIONAL, 1, AT(run, uid), .fallback = "1000",
	 .min = 0, .max = 65533, .example = "0", .help = "of the task in the guest"},

	RULE_ID(OBJECT_FILE_RULE),
	{OBJECT_FILE_RULE, "path", FIELD_TEXTS, FIELD_REQUIRED, 1, AT(rule, path), .max = TEXTS_MAX,
	 .example = "[\"~/.ssh/\"]", .help = "patterns of host paths"},
	{OBJECT_FILE_RULE, "do", FIELD_WORD, FIELD_REQUIRED, 1, AT(rule, action),
	 .words = file_actions, .example = "read", .help = "the verdict"},
	RULE_EXTRA(OBJECT_FILE_RULE),

	RULE_ID(OBJECT_NET_RULE),
	{OBJECT_NET_RULE, "host", FIELD_TEXTS, FIELD_REQUIRED, 1, AT(rule, host), .max = TEXTS_MAX,
	 .example = "[\"*.corp.example\"]", .help = "host names; `*.x` excludes x itself"},
	{OBJECT_NET_RULE, "proto", FIELD_WORD, FIELD_OPTIONAL, 1, AT(rule, proto),
	 .fallback = "tcp", .words = protos, .example = "tcp", .help = "transport protocol"},
	{OBJECT_NET_RULE, "port", FIELD_NUMBERS, FIELD_REQUIRED, 1, AT(rule, port), .min = 1,
	 .max = 65535, .example = "[443]", .help = "port numbers"},
	{OBJECT_NET_RULE, "do", FIELD_WORD, FIELD_REQUIRED, 1, AT(rule, action),
	 .words = net_actions, .example = "allow", .help = "the verdict"},
	RULE_EXTRA(OBJECT_NET_RULE),

	RULE_ID(OBJECT_SAVE_RULE),
	{OBJECT_SAVE_RULE, "path", FIELD_TEXTS, FIELD_REQUIRED, 1, AT(rule, path), .max = TEXTS_MAX,
	 .example = "[\"~/Downloads/*.pdf\"]", .help = "patterns of host paths"},
	{OBJECT_SAVE_RULE, "do", FIELD_WORD, FIELD_REQUIRED, 1, AT(rule, action),
	 .words = save_actions, .example = "discard", .help = "what becomes of them at exit"},
	{OBJECT_SAVE_RULE, "max", FIELD_SIZE, FIELD_OPTIONAL, 1, AT(rule, max_bytes), .min = 1,
	 .max = 1024 * GIB, .example = "50Mi", .help = "of one file"},
	{OBJECT_SAVE_RULE, "unsealed", FIELD_BOOL, FIELD_OPTIONAL, 1, AT(rule, unsealed),
	 .fallback = "false", .example = "true", .help = "saved in the clear"},

	{OBJECT_ON_DENY, "at_least", FIELD_WORD, FIELD_REQUIRED, 1, AT(on_deny, at_least),
	 .words = severities, .example = "high", .help = "severity of the rule that denied"},
	{OBJECT_ON_DENY, "do", FIELD_WORD, FIELD_REQUIRED, 1, AT(on_deny, action),
	 .words = deny_actions, .example = "terminate", .help = "the micro-VM is ended"},

	{OBJECT_TEST, "task", FIELD_ID, FIELD_REQUIRED, 1, AT(test, task), .example = "pdf",
	 .help = "the task that reaches out"},
	{OBJECT_TEST, "given", FIELD_MAP, FIELD_REQUIRED, 1, AT(test, given), .of = OBJECT_GIVEN,
	 .help = "who started it, on what"},
	TARGET("lookup", TARGET_LOOKUP, "path whose name is looked up"),
	TARGET("stat", TARGET_STAT, "path whose attributes are read"),
	TARGET("open", TARGET_OPEN, "path that is opened"),
	TARGET("read", TARGET_READ, "path that is read"),
	TARGET("list", TARGET_LIST, "folder that is listed"),
	TARGET("write", TARGET_WRITE, "path that is written"),
	TARGET("create", TARGET_CREATE, "path that is made"),
	TARGET("delete", TARGET_DELETE, "path that is deleted"),
	TARGET("rename", TARGET_RENAME, "path that is renamed"),
	{OBJECT_TEST, "connect", FIELD_TEXT, FIELD_OPTIONAL, 1, AT(test, targets[TARGET_CONNECT]),
	 .max = 300, .example = "\"tcp:git.corp.example:443\"", .help = "protocol:host:port"},
	{OBJECT_TEST, "expect", FIELD_MAP, FIELD_REQUIRED, 1, AT(test, expect), .of = OBJECT_EXPECT,
	 .help = "what must come of it"},

	{OBJECT_GIVEN, "user", FIELD_NAME, FIELD_REQUIRED, 1, AT(given, user), .example = "user1",
	 .help = "account that starts the task"},
	{OBJECT_GIVEN, "home", FIELD_TEXT, FIELD_OPTIONAL, 1, AT(given, home),
	 .max = MV_PATH_MAX - 1, .example = "/home/user1", .help = "absent: /home/USER"},
	{OBJECT_GIVEN, "file", FIELD_TEXT, FIELD_OPTIONAL, 1, AT(given, file),
	 .max = MV_PATH_MAX - 1, .example = "\"~/a.pdf\"", .help = "what `{file}` stands for"},

	{OBJECT_EXPECT, "do", FIELD_WORD, FIELD_REQUIRED, 1, AT(expect, verdict), .words = verdicts,
	 .example = "deny", .help = "the verdict; `read` and `allow` are one"},
	{OBJECT_EXPECT, "rule", FIELD_ID, FIELD_OPTIONAL, 1, AT(expect, rule), .example = "no-keys",
	 .help = "the rule that decides; absent: whichever"},
};

const size_t policy_field_count = sizeof(policy_fields) / sizeof(policy_fields[0]);

static const struct {
	const char *path;
	size_t size;
} objects[OBJECT_COUNT] = {
	[OBJECT_POLICY] = {"", sizeof(struct policy)},
	[OBJECT_FINAL] = {"final", sizeof(struct rules)},
	[OBJECT_TASK] = {"tasks[]", sizeof(struct task)},
	[OBJECT_MATCH] = {"tasks[].match", sizeof(struct match)},
	[OBJECT_RUN] = {"tasks[].run", sizeof(struct run)},
	[OBJECT_FILE_RULE] = {"file[]", sizeof(struct rule)},
	[OBJECT_NET_RULE] = {"net[]", sizeof(struct rule)},
	[OBJECT_SAVE_RULE] = {"save[]", sizeof(struct rule)},
	[OBJECT_ON_DENY] = {"tasks[].on_deny", sizeof(struct on_deny)},
	[OBJECT_TEST] = {"tests[]", sizeof(struct test)},
	[OBJECT_GIVEN] = {"tests[].given", sizeof(struct given)},
	[OBJECT_EXPECT] = {"tests[].expect", sizeof(struct expect)},
};

size_t field_object_size(enum object object)
{
	return objects[object].size;
}

const char *field_object_path(enum object object)
{
	return objects[object].path;
}

const char *field_type_name(enum field_type type)
{
	static const char *const names[FIELD_TYPE_COUNT] = {
		[FIELD_ID] = "id",
		[FIELD_NAME] = "name",
		[FIELD_TEXT] = "text",
		[FIELD_ATTACK] = "technique",
		[FIELD_WORD] = "word",
		[FIELD_BOOL] = "true or false",
		[FIELD_NUMBER] = "number",
		[FIELD_SIZE] = "size",
		[FIELD_DURATION] = "duration",
		[FIELD_TEXTS] = "list of texts",
		[FIELD_NUMBERS] = "list of numbers",
		[FIELD_VARS] = "map of lists",
		[FIELD_MAP] = "map",
		[FIELD_LIST] = "list of maps",
	};

	return names[type];
}

const struct field *field_find(enum object in, const char *key)
{
	for (size_t i = 0; i < policy_field_count; i++) {
		if (policy_fields[i].in == in && !strcmp(policy_fields[i].key, key))
			return &policy_fields[i];
	}
	return NULL;
}

const char *field_nearest(enum object in, const char *key)
{
	unsigned best = NEAR + 1;
	const char *nearest = NULL;

	for (size_t i = 0; i < policy_field_count; i++) {
		if (policy_fields[i].in != in || policy_fields[i].need == FIELD_RESERVED)
			continue;
		unsigned distance = report_distance(key, policy_fields[i].key);

		if (distance < best && distance < strlen(key)) {
			best = distance;
			nearest = policy_fields[i].key;
		}
	}
	return nearest;
}
