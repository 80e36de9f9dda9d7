/* The table of the language's keys, and of the words they take. */
#include "common/policy/class.h"
#include "common/policy/document.h"
#include "common/policy/field.h"

enum {
	LIST_MAX = 16384, /* rules of one list */
	TEXTS_MAX = 1024, /* texts of one list */
	TESTS_MAX = 1024, /* each compiles the policy once */
	TASKS_MAX = 256
};

static const struct field_word kinds[] = {{"base", POLICY_KIND_BASE},
					  {"delta", POLICY_KIND_DELTA},
					  {"exception", POLICY_KIND_EXCEPTION},
					  {NULL, 0}};
static const struct field_word file_actions[] = {
	{"read", MV_ALLOW}, {"copy", MV_COPY}, {"new", MV_NEW}, {"deny", MV_DENY}, {NULL, 0}};
static const struct field_word allow_or_deny[] = {
	{"allow", MV_ALLOW}, {"deny", MV_DENY}, {NULL, 0}};
static const struct field_word save_actions[] = {
	{"discard", SAVE_DISCARD}, {"ask", SAVE_ASK}, {"save", SAVE_KEEP}, {NULL, 0}};
static const struct field_word ask_actions[] = {
	{"allow", MV_ALLOW}, {"ask", MV_COPY}, {"deny", MV_DENY}, {NULL, 0}};
static const struct field_word print_actions[] = {
	{"raster", MV_ALLOW}, {"deny", MV_DENY}, {NULL, 0}};
static const struct field_word raise_actions[] = {
	{"allow", MV_ALLOW}, {"deny", MV_DENY}, {NULL, 0}};
static const struct field_word modes[] = {
	{"enforce", MODE_ENFORCE}, {"audit", MODE_AUDIT}, {NULL, 0}};
static const struct field_word severities[] = {{"low", MV_LOW},
					       {"medium", MV_MEDIUM},
					       {"high", MV_HIGH},
					       {"critical", MV_CRITICAL},
					       {NULL, 0}};
static const struct field_word protos[] = {{"tcp", PROTO_TCP}, {"udp", PROTO_UDP}, {NULL, 0}};
static const struct field_word deny_actions[] = {{"terminate", MV_TERMINATE}, {NULL, 0}};
static const struct field_word threat_actions[] = {{"stop", 1}, {"continue", 2}, {NULL, 0}};
static const struct field_word verdicts[] = {{"read", MV_ALLOW},          {"allow", MV_ALLOW},
					     {"copy", MV_COPY},           {"new", MV_NEW},
					     {"deny", MV_DENY},           {"hide", MV_HIDE},
					     {"terminate", MV_TERMINATE}, {NULL, 0}};
static const struct field_word streams[] = {{"stdin", 1}, {"stdout", 2}, {"stderr", 3}, {NULL, 0}};
static const struct field_word stream_ends[] = {
	{"file", 1}, {"terminal", 2}, {"pipe", 3}, {NULL, 0}};
static const struct field_word directions[] = {{"in", 1}, {"out", 2}, {NULL, 0}};
static const struct field_word devices[] = {{"usb", 1},   {"camera", 2}, {"microphone", 3},
					    {"audio", 4}, {"gpu", 5},    {NULL, 0}};
static const struct field_word sources[] = {{"usb", 1}, {"network-share", 2}, {NULL, 0}};
static const struct field_word raisers[] = {
	{"user", 1}, {"admin", 2}, {"after-check", 3}, {NULL, 0}};
static const struct field_word log_levels[] = {
	{"error", 1}, {"warn", 2}, {"info", 3}, {"debug", 4}, {NULL, 0}};
static const struct field_word offline_ways[] = {{"enforce", 1}, {"refuse-new", 2}, {NULL, 0}};

const struct rule_class_info rule_classes[RULES_COUNT] = {
	[RULES_FILE] = {"file", "path", OBJECT_FILE_RULE, MV_CLASS_FILE, PATTERN_RULE_PATH,
			file_actions},
	[RULES_STDIO] = {"stdio", "stream", OBJECT_STDIO_RULE, MV_CLASS_STDIO, PATTERN_WORD,
			 allow_or_deny},
	[RULES_NET] = {"net", "host", OBJECT_NET_RULE, MV_CLASS_NET, PATTERN_NETWORK,
		       allow_or_deny},
	[RULES_DNS] = {"dns", "host", OBJECT_DNS_RULE, MV_CLASS_DNS, PATTERN_HOST, allow_or_deny},
	[RULES_SAVE] = {"save", "path", OBJECT_SAVE_RULE, MV_CLASS_SAVE, PATTERN_RULE_PATH,
			save_actions},
	[RULES_EXEC] = {"exec", "program", OBJECT_EXEC_RULE, 0, PATTERN_PROGRAM, allow_or_deny},
	[RULES_CLIPBOARD] = {"clipboard", "type", OBJECT_CLIPBOARD_RULE, 0, PATTERN_MIME,
			     ask_actions},
	[RULES_PRINT] = {"print", "printer", OBJECT_PRINT_RULE, 0, PATTERN_ANY, print_actions},
	[RULES_DEVICE] = {"device", "device", OBJECT_DEVICE_RULE, 0, PATTERN_WORD, allow_or_deny},
	[RULES_RAISE] = {"raise", "path", OBJECT_RAISE_RULE, 0, PATTERN_RULE_PATH, raise_actions},
};

#define AT(type, member) .offset = offsetof(struct type, member)
#define MIB              (UINT64_C(1) << 20)
#define GIB              (UINT64_C(1) << 30)
#define SECOND           UINT64_C(1000)
#define HOUR             UINT64_C(3600000)
#define PATH_BYTES       (MV_PATH_MAX - 1)

/* A target of a test: exactly one of them stands in it (check.c). */
#define TARGET(word, number, what)                                                        \
	{                                                                                 \
		OBJECT_TEST, word, FIELD_TEXT, FIELD_OPTIONAL, AT(test, targets[number]), \
			.max = PATH_BYTES, .example = "\"~/.ssh/id_rsa\"", .help = (what) \
	}
/* The lists of rules, of final and of tasks. */
#define RULE_LIST(in, number, word, object, when, what)                                  \
	{                                                                                \
		in, word, FIELD_LIST, FIELD_OPTIONAL, AT(rules, lists[number]),          \
			.max = LIST_MAX, .of = (object), .later = (when), .help = (what) \
	}
#define RULE_LISTS(in)                                                                     \
	RULE_LIST(in, RULES_FILE, "file", OBJECT_FILE_RULE, false,                         \
		  "what of the host's files is seen; no match: hidden"),                   \
		RULE_LIST(in, RULES_STDIO, "stdio", OBJECT_STDIO_RULE, false,              \
			  "stdin, stdout and stderr; no match: allowed"),                  \
		RULE_LIST(in, RULES_NET, "net", OBJECT_NET_RULE, false,                    \
			  "who may be connected to; no match: denied"),                    \
		RULE_LIST(in, RULES_DNS, "dns", OBJECT_DNS_RULE, false,                    \
			  "which names may be asked for, beside those that `net` allows"), \
		RULE_LIST(in, RULES_SAVE, "save", OBJECT_SAVE_RULE, false,                 \
			  "what is kept at exit; no match: discarded"),                    \
		RULE_LIST(in, RULES_EXEC, "exec", OBJECT_EXEC_RULE, true,                  \
			  "which programs the task may start in its micro-VM"),            \
		RULE_LIST(in, RULES_CLIPBOARD, "clipboard", OBJECT_CLIPBOARD_RULE, true,   \
			  "what crosses the clipboard; no match: denied"),                 \
		RULE_LIST(in, RULES_PRINT, "print", OBJECT_PRINT_RULE, true,               \
			  "printers; no match: denied"),                                   \
		RULE_LIST(in, RULES_DEVICE, "device", OBJECT_DEVICE_RULE, true,            \
			  "host devices; no match: denied"),                               \
		RULE_LIST(in, RULES_RAISE, "raise", OBJECT_RAISE_RULE, true,               \
			  "who may give a file a better trust level; no match: nobody")

/* What rules of every class have. */
#define RULE_ID(object)                                                                         \
	{                                                                                       \
		object, "id", FIELD_ID, FIELD_REQUIRED, AT(rule, id),                           \
			.example = "no-keys",                                                   \
			.help = "name of the rule, unique in the policy; events and `explain` " \
				"speak of it"                                                   \
	}
#define RULE_DO(object, list, word, what)                                   \
	{                                                                   \
		object, "do", FIELD_WORD, FIELD_REQUIRED, AT(rule, action), \
			.words = (list), .example = (word), .help = (what)  \
	}
#define RULE_TEXTS(object, word, text, what)                                  \
	{                                                                     \
		object, word, FIELD_TEXTS, FIELD_REQUIRED, AT(rule, objects), \
			.max = TEXTS_MAX, .example = (text), .help = (what)   \
	}
#define RULE_WORDS(object, word, list, text, what)                            \
	{                                                                     \
		object, word, FIELD_WORDS, FIELD_REQUIRED, AT(rule, objects), \
			.words = (list), .example = (text), .help = (what)    \
	}
#define RULE_EXTRA(object)                                                                  \
	{object,                                                                            \
	 "mode",                                                                            \
	 FIELD_WORD,                                                                        \
	 FIELD_OPTIONAL,                                                                    \
	 AT(rule, mode),                                                                    \
	 .fallback = "enforce",                                                             \
	 .words = modes,                                                                    \
	 .example = "audit",                                                                \
	 .help = "audit: the match is recorded and matching goes on; only for `do: deny`"}, \
		{object,                                                                    \
		 "severity",                                                                \
		 FIELD_WORD,                                                                \
		 FIELD_OPTIONAL,                                                            \
		 AT(rule, severity),                                                        \
		 .fallback = "medium",                                                      \
		 .words = severities,                                                       \
		 .example = "high",                                                         \
		 .help = "of the events that the rule causes; see on_deny"},                \
	{                                                                                   \
		object, "attack", FIELD_ATTACK, FIELD_OPTIONAL, AT(rule, attack),           \
			.example = "T1552.004",                                             \
			.help = "technique of MITRE ATT&CK that the rule is about"          \
	}

const struct field policy_fields[] = {
	{OBJECT_POLICY, "ampoule", FIELD_NUMBER, FIELD_REQUIRED, AT(layer, version), .min = 1,
	 .max = 1, .example = "1", .help = "version of the language"},
	{OBJECT_POLICY, "kind", FIELD_WORD, FIELD_REQUIRED, AT(layer, kind), .words = kinds,
	 .example = "base", .help = "what the document is"},
	{OBJECT_POLICY, "id", FIELD_ID, FIELD_REQUIRED, AT(layer, id), .example = "office",
	 .help = "name of the document"},
	{OBJECT_POLICY, "extends", FIELD_ID, FIELD_REQUIRED, AT(layer, extends),
	 .kinds = IN_DELTA | IN_EXCEPTION, .example = "office",
	 .help = "the base that it is laid on"},
	{OBJECT_POLICY, "group", FIELD_NAME, FIELD_REQUIRED, AT(layer, group), .kinds = IN_DELTA,
	 .example = "eng", .help = "the group whose devices have it, and those of groups below"},
	{OBJECT_POLICY, "for", FIELD_MAP, FIELD_REQUIRED, AT(layer, whom), .kinds = IN_EXCEPTION,
	 .of = OBJECT_FOR, .help = "whom it is for"},
	{OBJECT_POLICY, "until", FIELD_TIME, FIELD_REQUIRED, AT(layer, until_s),
	 .kinds = IN_EXCEPTION, .example = "2026-12-24T00:00:00Z",
	 .help = "when it ends, by the endpoint's clock"},
	{OBJECT_POLICY, "reason", FIELD_TEXT, FIELD_REQUIRED, AT(layer, reason),
	 .kinds = IN_EXCEPTION, .max = 1000, .example = "\"audit, ticket 991\"",
	 .help = "why, for those who read it later"},
	{OBJECT_POLICY, "trust_levels", FIELD_TEXTS, FIELD_REQUIRED, AT(layer, trust_levels),
	 .kinds = IN_BASE, .max = 16, .example = "[trusted, partner, untrusted]",
	 .help = "the levels that tasks run at, most trusted first"},
	{OBJECT_POLICY, "default_task", FIELD_ID, FIELD_OPTIONAL, AT(layer, default_task),
	 .kinds = IN_BASE | IN_DELTA, .fallback = "refuse", .example = "refuse",
	 .help = "for a program that no task matches: `refuse`, or a task's id"},
	{OBJECT_POLICY, "vars", FIELD_VARS, FIELD_OPTIONAL, AT(layer, vars),
	 .kinds = IN_BASE | IN_DELTA, .max = TEXTS_MAX, .example = "{ work: [\"~/Documents/\"] }",
	 .help = "lists by name; `\"${work}\"` as an item of another list stands for them"},
	{OBJECT_POLICY, "final", FIELD_MAP, FIELD_OPTIONAL, AT(layer, final), .kinds = IN_BASE,
	 .of = OBJECT_FINAL, .help = "rules tried before all others, in every task"},
	{OBJECT_POLICY, "set", FIELD_SETS, FIELD_OPTIONAL, AT(layer, set), .kinds = IN_DELTA,
	 .max = LIST_MAX, .of = OBJECT_SETTING,
	 .help = "changes to rules of other layers, by their ids; not to final ones"},
	{OBJECT_POLICY, "tasks", FIELD_LIST, FIELD_REQUIRED_IN_BASE, AT(layer, tasks),
	 .max = TASKS_MAX, .of = OBJECT_TASK,
	 .help = "what may be run; the first that matches counts"},
	{OBJECT_POLICY, "ingress", FIELD_LIST, FIELD_OPTIONAL, AT(layer, ingress),
	 .kinds = IN_BASE | IN_DELTA, .later = true, .max = LIST_MAX, .of = OBJECT_INGRESS,
	 .help = "the trust level of a file by where it came from; first match wins"},
	{OBJECT_POLICY, "agent", FIELD_MAP, FIELD_OPTIONAL, AT(layer, agent),
	 .kinds = IN_BASE | IN_DELTA, .later = true, .of = OBJECT_AGENT,
	 .help = "how the agent itself behaves"},
	{OBJECT_POLICY, "root_cas", FIELD_TEXTS, FIELD_OPTIONAL, AT(layer, root_cas),
	 .kinds = IN_BASE | IN_DELTA, .later = true, .max = 64, .example = "[corp-root]",
	 .help = "certificate authorities that tasks trust beside the image's own"},
	{OBJECT_POLICY, "tests", FIELD_LIST, FIELD_OPTIONAL, AT(layer, tests), .max = TESTS_MAX,
	 .of = OBJECT_TEST,
	 .help = "run on every effective policy that has this document; a failing one refuses it"},

	RULE_LISTS(OBJECT_FINAL),

	{OBJECT_TASK, "id", FIELD_ID, FIELD_REQUIRED, AT(task, id), .example = "pdf",
	 .help = "name of the task; in a delta or exception, that of a task to add rules to"},
	{OBJECT_TASK, "match", FIELD_MAP, FIELD_REQUIRED_IN_BASE, AT(task, match),
	 .kinds = IN_BASE | IN_DELTA, .of = OBJECT_MATCH,
	 .help = "which programs and files make this task"},
	{OBJECT_TASK, "run", FIELD_MAP, FIELD_REQUIRED_IN_BASE, AT(task, run),
	 .kinds = IN_BASE | IN_DELTA, .of = OBJECT_RUN, .help = "in what it runs"},
	RULE_LISTS(OBJECT_TASK),
	{OBJECT_TASK, "on_deny", FIELD_MAP, FIELD_OPTIONAL, AT(task, on_deny),
	 .kinds = IN_BASE | IN_DELTA, .of = OBJECT_ON_DENY,
	 .help = "what a deny does besides being one"},
	{OBJECT_TASK, "on_threat", FIELD_MAP, FIELD_OPTIONAL, AT(task, on_threat),
	 .kinds = IN_BASE | IN_DELTA, .later = true, .of = OBJECT_ON_THREAT,
	 .help = "what is done when behaviour shows a threat"},

	{OBJECT_MATCH, "program", FIELD_TEXTS, FIELD_REQUIRED, AT(match, program), .max = TEXTS_MAX,
	 .example = "[/usr/bin/mutool]", .help = "paths in the guest, after symlinks; globs"},
	{OBJECT_MATCH, "file", FIELD_TEXTS, FIELD_OPTIONAL, AT(match, file), .max = TEXTS_MAX,
	 .example = "[\"*.pdf\"]",
	 .help = "with it, files must be given and each must match one pattern"},
	{OBJECT_MATCH, "mime", FIELD_TEXTS, FIELD_OPTIONAL, AT(match, mime), .later = true,
	 .max = TEXTS_MAX, .example = "[application/pdf]",
	 .help = "types of the files' contents; until they are told, the task matches nothing"},
	{OBJECT_MATCH, "origin", FIELD_MAP, FIELD_OPTIONAL, AT(match, origin), .later = true,
	 .of = OBJECT_ORIGIN,
	 .help = "by where the files came from; until that is known, the task matches nothing"},

	{OBJECT_ORIGIN, "at_most", FIELD_ID, FIELD_REQUIRED, AT(origin, at_most),
	 .example = "partner", .help = "files of this trust level or a worse one"},

	{OBJECT_RUN, "image", FIELD_NAME, FIELD_REQUIRED, AT(run, image), .example = "debian-docs",
	 .help = "golden image"},
	{OBJECT_RUN, "level", FIELD_ID, FIELD_REQUIRED, AT(run, level), .example = "untrusted",
	 .help = "one of trust_levels"},
	{OBJECT_RUN, "memory", FIELD_SIZE, FIELD_OPTIONAL, AT(run, memory_bytes),
	 .fallback = "256Mi", .min = 64 * MIB, .max = 64 * GIB, .example = "512Mi",
	 .help = "of the micro-VM; must be a shape that the image has"},
	{OBJECT_RUN, "cpus", FIELD_NUMBER, FIELD_OPTIONAL, AT(run, cpus), .fallback = "1", .min = 1,
	 .max = 64, .example = "1", .help = "of the micro-VM; must be a shape that the image has"},
	{OBJECT_RUN, "lifetime", FIELD_DURATION, FIELD_OPTIONAL, AT(run, lifetime_ms), .min = 1000,
	 .max = HOUR * 24 * 31, .example = "1h",
	 .help = "the micro-VM is ended after it; absent: no limit"},
	{OBJECT_RUN, "processes", FIELD_NUMBER, FIELD_OPTIONAL, AT(run, processes),
	 .fallback = "64", .min = 1, .max = 32768, .example = "64",
	 .help = "of the task in the guest, at once"},
	{OBJECT_RUN, "uid", FIELD_NUMBER, FIELD_OPTIONAL, AT(run, uid), .fallback = "1000",
	 .min = 0, .max = 65533, .example = "0", .help = "of the task in the guest"},
	{OBJECT_RUN, "instances", FIELD_NUMBER, FIELD_OPTIONAL, AT(run, instances), .later = true,
	 .min = 1, .max = 4096, .example = "8", .help = "micro-VMs of this task at once, per user"},
	{OBJECT_RUN, "quota", FIELD_SIZE, FIELD_OPTIONAL, AT(run, quota_bytes), .min = MIB,
	 .max = 1024 * GIB, .example = "1Gi", .help = "of what it writes"},
	{OBJECT_RUN, "hidden", FIELD_BOOL, FIELD_OPTIONAL, AT(run, hidden), .later = true,
	 .example = "true", .help = "analysed without being shown; give it a lifetime"},
	{OBJECT_RUN, "window", FIELD_MAP, FIELD_OPTIONAL, AT(run, window), .later = true,
	 .of = OBJECT_WINDOW, .help = "how its windows are marked"},

	{OBJECT_WINDOW, "border", FIELD_NAME, FIELD_OPTIONAL, AT(window, border), .example = "red",
	 .help = "colour of the border"},
	{OBJECT_WINDOW, "text", FIELD_TEXT, FIELD_OPTIONAL, AT(window, text), .max = 100,
	 .example = "\"untrusted document\"", .help = "put before the title"},

	RULE_ID(OBJECT_FILE_RULE),
	RULE_TEXTS(OBJECT_FILE_RULE, "path", "[\"~/.ssh/\"]", "patterns of host paths"),
	RULE_DO(OBJECT_FILE_RULE, file_actions, "read", "the verdict"),
	RULE_EXTRA(OBJECT_FILE_RULE),

	RULE_ID(OBJECT_STDIO_RULE),
	RULE_WORDS(OBJECT_STDIO_RULE, "stream", streams, "[stdout, stderr]", "which of them"),
	{OBJECT_STDIO_RULE, "to", FIELD_WORDS, FIELD_OPTIONAL, AT(rule, to), .words = stream_ends,
	 .example = "[file]",
	 .help = "only where the stream is a host file, a terminal, or a pipe; absent: any"},
	RULE_DO(OBJECT_STDIO_RULE, allow_or_deny, "deny", "the verdict"),
	RULE_EXTRA(OBJECT_STDIO_RULE),

	RULE_ID(OBJECT_NET_RULE),
	RULE_TEXTS(OBJECT_NET_RULE, "host", "[\"*.corp.example\"]",
		   "host names, addresses and networks (`10.0.0.0/8`); `*.x` excludes x itself"),
	{OBJECT_NET_RULE, "proto", FIELD_WORD, FIELD_OPTIONAL, AT(rule, proto), .fallback = "tcp",
	 .words = protos, .example = "tcp", .help = "transport protocol"},
	{OBJECT_NET_RULE, "port", FIELD_NUMBERS, FIELD_REQUIRED, AT(rule, port), .min = 1,
	 .max = 65535, .example = "[443]", .help = "port numbers"},
	RULE_DO(OBJECT_NET_RULE, allow_or_deny, "allow", "the verdict"),
	RULE_EXTRA(OBJECT_NET_RULE),

	RULE_ID(OBJECT_DNS_RULE),
	RULE_TEXTS(OBJECT_DNS_RULE, "host", "[\"*.corp.example\"]", "host names"),
	RULE_DO(OBJECT_DNS_RULE, allow_or_deny, "deny", "the verdict"),
	RULE_EXTRA(OBJECT_DNS_RULE),

	RULE_ID(OBJECT_SAVE_RULE),
	RULE_TEXTS(OBJECT_SAVE_RULE, "path", "[\"~/Downloads/*.pdf\"]", "patterns of host paths"),
	RULE_DO(OBJECT_SAVE_RULE, save_actions, "discard", "what becomes of them at exit"),
	{OBJECT_SAVE_RULE, "max", FIELD_SIZE, FIELD_OPTIONAL, AT(rule, max_bytes), .min = 1,
	 .max = 1024 * GIB, .example = "50Mi", .help = "of one file; a larger one is discarded"},
	{OBJECT_SAVE_RULE, "unsealed", FIELD_BOOL, FIELD_OPTIONAL, AT(rule, unsealed),
	 .fallback = "false", .example = "true", .help = "saved in the clear; `do: save` needs it"},

	RULE_ID(OBJECT_EXEC_RULE),
	RULE_TEXTS(OBJECT_EXEC_RULE, "program", "[/usr/bin/gs]", "paths in the guest; globs"),
	RULE_DO(OBJECT_EXEC_RULE, allow_or_deny, "deny", "the verdict"),
	RULE_EXTRA(OBJECT_EXEC_RULE),

	RULE_ID(OBJECT_CLIPBOARD_RULE),
	RULE_TEXTS(OBJECT_CLIPBOARD_RULE, "type", "[text/plain]", "types of contents; globs"),
	{OBJECT_CLIPBOARD_RULE, "direction", FIELD_WORD, FIELD_REQUIRED, AT(rule, direction),
	 .words = directions, .example = "in", .help = "into the micro-VM, or out of it"},
	{OBJECT_CLIPBOARD_RULE, "max", FIELD_SIZE, FIELD_OPTIONAL, AT(rule, max_bytes), .min = 1,
	 .max = GIB, .example = "1Mi", .help = "of one transfer"},
	{OBJECT_CLIPBOARD_RULE, "chord", FIELD_BOOL, FIELD_OPTIONAL, AT(rule, chord),
	 .fallback = "true", .example = "true", .help = "only after the user's own key chord"},
	RULE_DO(OBJECT_CLIPBOARD_RULE, ask_actions, "allow", "the verdict"),
	RULE_EXTRA(OBJECT_CLIPBOARD_RULE),

	RULE_ID(OBJECT_PRINT_RULE),
	RULE_TEXTS(OBJECT_PRINT_RULE, "printer", "[\"floor-2\"]", "names of printers; globs"),
	RULE_DO(OBJECT_PRINT_RULE, print_actions, "raster", "as an image only, or not at all"),
	RULE_EXTRA(OBJECT_PRINT_RULE),

	RULE_ID(OBJECT_DEVICE_RULE),
	RULE_WORDS(OBJECT_DEVICE_RULE, "device", devices, "[camera]", "which devices"),
	RULE_DO(OBJECT_DEVICE_RULE, allow_or_deny, "deny", "the verdict"),
	RULE_EXTRA(OBJECT_DEVICE_RULE),

	RULE_ID(OBJECT_RAISE_RULE),
	RULE_TEXTS(OBJECT_RAISE_RULE, "path", "[\"~/Downloads/\"]", "patterns of host paths"),
	{OBJECT_RAISE_RULE, "level", FIELD_ID, FIELD_REQUIRED, AT(rule, level),
	 .example = "partner", .help = "the best level that may be given"},
	{OBJECT_RAISE_RULE, "who", FIELD_WORD, FIELD_REQUIRED, AT(rule, who), .words = raisers,
	 .example = "user", .help = "who may"},
	{OBJECT_RAISE_RULE, "reason", FIELD_BOOL, FIELD_OPTIONAL, AT(rule, reason),
	 .fallback = "true", .example = "true", .help = "a reason must be given"},
	RULE_DO(OBJECT_RAISE_RULE, raise_actions, "allow", "the verdict"),

	{OBJECT_ON_DENY, "at_least", FIELD_WORD, FIELD_REQUIRED, AT(on_deny, at_least),
	 .words = severities, .example = "high", .help = "severity of the rule that denied"},
	{OBJECT_ON_DENY, "do", FIELD_WORD, FIELD_REQUIRED, AT(on_deny, action),
	 .words = deny_actions, .example = "terminate", .help = "the micro-VM is ended"},

	{OBJECT_ON_THREAT, "at_least", FIELD_WORD, FIELD_REQUIRED, AT(on_threat, at_least),
	 .words = severities, .example = "critical", .help = "severity of what was seen"},
	{OBJECT_ON_THREAT, "do", FIELD_WORD, FIELD_REQUIRED, AT(on_threat, action),
	 .words = threat_actions, .example = "stop",
	 .help = "stop, or go on so that more evidence is seen"},
	{OBJECT_ON_THREAT, "snapshot", FIELD_BOOL, FIELD_OPTIONAL, AT(on_threat, snapshot),
	 .example = "true", .help = "its memory is kept"},
	{OBJECT_ON_THREAT, "upload", FIELD_BOOL, FIELD_OPTIONAL, AT(on_threat, upload),
	 .example = "false", .help = "what it brought is sent to the server"},

	{OBJECT_INGRESS, "id", FIELD_ID, FIELD_REQUIRED, AT(ingress, id), .example = "mail",
	 .help = "name of the rule"},
	{OBJECT_INGRESS, "path", FIELD_TEXTS, FIELD_OPTIONAL, AT(ingress, path), .max = TEXTS_MAX,
	 .example = "[\"~/Downloads/\"]", .help = "where the file lies"},
	{OBJECT_INGRESS, "program", FIELD_TEXTS, FIELD_OPTIONAL, AT(ingress, program),
	 .max = TEXTS_MAX, .example = "[/usr/bin/thunderbird]",
	 .help = "the host program that wrote it"},
	{OBJECT_INGRESS, "host", FIELD_TEXTS, FIELD_OPTIONAL, AT(ingress, host), .max = TEXTS_MAX,
	 .example = "[\"*.partner.example\"]", .help = "the site it came from"},
	{OBJECT_INGRESS, "device", FIELD_WORDS, FIELD_OPTIONAL, AT(ingress, device),
	 .words = sources, .example = "[usb]", .help = "the kind of medium it lies on"},
	{OBJECT_INGRESS, "level", FIELD_ID, FIELD_REQUIRED, AT(ingress, level),
	 .example = "untrusted", .help = "the trust level it has"},

	{OBJECT_AGENT, "log", FIELD_WORD, FIELD_OPTIONAL, AT(agent, log), .words = log_levels,
	 .example = "info", .help = "what it logs"},
	{OBJECT_AGENT, "update", FIELD_DURATION, FIELD_OPTIONAL, AT(agent, update_ms),
	 .min = SECOND, .max = 720 * HOUR, .example = "1h",
	 .help = "how often it looks for images"},
	{OBJECT_AGENT, "offline", FIELD_WORD, FIELD_OPTIONAL, AT(agent, offline),
	 .words = offline_ways, .example = "enforce",
	 .help = "without the server: go on, or start no new micro-VM"},

	{OBJECT_SETTING, "do", FIELD_NAME, FIELD_OPTIONAL, AT(setting, action), .example = "deny",
	 .help = "a word that the rule's class has"},
	{OBJECT_SETTING, "mode", FIELD_WORD, FIELD_OPTIONAL, AT(setting, mode), .words = modes,
	 .example = "enforce", .help = "as in the rule"},
	{OBJECT_SETTING, "severity", FIELD_WORD, FIELD_OPTIONAL, AT(setting, severity),
	 .words = severities, .example = "low", .help = "as in the rule"},
	{OBJECT_SETTING, "attack", FIELD_ATTACK, FIELD_OPTIONAL, AT(setting, attack),
	 .example = "T1005", .help = "as in the rule"},

	{OBJECT_FOR, "users", FIELD_TEXTS, FIELD_REQUIRED, AT(whom, users), .max = TEXTS_MAX,
	 .example = "[user1]", .help = "account names, or `all`"},
	{OBJECT_FOR, "devices", FIELD_TEXTS, FIELD_REQUIRED, AT(whom, devices), .max = TEXTS_MAX,
	 .example = "[all]", .help = "host names or device ids, or `all`"},

	{OBJECT_TEST, "task", FIELD_ID, FIELD_REQUIRED, AT(test, task), .example = "pdf",
	 .help = "the task that reaches out"},
	{OBJECT_TEST, "given", FIELD_MAP, FIELD_REQUIRED, AT(test, given), .of = OBJECT_GIVEN,
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
	{OBJECT_TEST, "stdio", FIELD_TEXT, FIELD_OPTIONAL, AT(test, targets[TARGET_STDIO]),
	 .max = 16, .example = "\"stdout:file\"",
	 .help = "`stdin`, `stdout` or `stderr`, with what it is: `:file`, `:terminal`, `:pipe`"},
	{OBJECT_TEST, "connect", FIELD_TEXT, FIELD_OPTIONAL, AT(test, targets[TARGET_CONNECT]),
	 .max = 300, .example = "\"tcp:git.corp.example:443\"",
	 .help = "protocol:host:port; host is a name, an IPv4 address, `[address]`, or a name and "
		 "the address it has: `git.corp.example[10.0.0.5]`"},
	{OBJECT_TEST, "resolve", FIELD_TEXT, FIELD_OPTIONAL, AT(test, targets[TARGET_RESOLVE]),
	 .max = 253, .example = "git.corp.example", .help = "name that is asked for"},
	{OBJECT_TEST, "expect", FIELD_MAP, FIELD_REQUIRED, AT(test, expect), .of = OBJECT_EXPECT,
	 .help = "what must come of it"},

	{OBJECT_GIVEN, "user", FIELD_NAME, FIELD_REQUIRED, AT(given, user), .example = "user1",
	 .help = "account that starts the task"},
	{OBJECT_GIVEN, "home", FIELD_TEXT, FIELD_OPTIONAL, AT(given, home), .max = PATH_BYTES,
	 .example = "/home/user1", .help = "absent: /home/USER"},
	{OBJECT_GIVEN, "file", FIELD_TEXT, FIELD_OPTIONAL, AT(given, file), .max = PATH_BYTES,
	 .example = "\"~/a.pdf\"", .help = "what `{file}` stands for"},
	{OBJECT_GIVEN, "device", FIELD_TEXT, FIELD_OPTIONAL, AT(given, device), .max = 253,
	 .example = "ws-17", .help = "on which device; absent: one that no exception names"},
	{OBJECT_GIVEN, "at", FIELD_TIME, FIELD_OPTIONAL, AT(given, at_s),
	 .example = "2026-12-24T00:00:00Z",
	 .help = "when; absent: before the end of the exception whose test it is, after that of "
		 "all others"},

	{OBJECT_EXPECT, "do", FIELD_WORD, FIELD_REQUIRED, AT(expect, verdict), .words = verdicts,
	 .example = "deny", .help = "the verdict; `read` and `allow` are one"},
	{OBJECT_EXPECT, "rule", FIELD_ID, FIELD_OPTIONAL, AT(expect, rule), .example = "no-keys",
	 .help = "the rule that decides; absent: whichever"},
};

const size_t policy_field_count = sizeof(policy_fields) / sizeof(policy_fields[0]);
