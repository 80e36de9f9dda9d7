#include "common/policy/field.h"

#include <string.h>

#include "common/policy/document.h"
#include "common/policy/report.h"

enum {
	NEAR = 2 /* letters that a suggestion may differ by */
};

static const struct {
	const char *path;
	size_t size;
} objects[OBJECT_COUNT] = {
	[OBJECT_POLICY] = {"", sizeof(struct layer)},
	[OBJECT_FINAL] = {"final", sizeof(struct rules)},
	[OBJECT_TASK] = {"tasks[]", sizeof(struct task)},
	[OBJECT_MATCH] = {"tasks[].match", sizeof(struct match)},
	[OBJECT_ORIGIN] = {"tasks[].match.origin", sizeof(struct origin)},
	[OBJECT_RUN] = {"tasks[].run", sizeof(struct run)},
	[OBJECT_WINDOW] = {"tasks[].run.window", sizeof(struct window)},
	[OBJECT_FILE_RULE] = {"file[]", sizeof(struct rule)},
	[OBJECT_STDIO_RULE] = {"stdio[]", sizeof(struct rule)},
	[OBJECT_NET_RULE] = {"net[]", sizeof(struct rule)},
	[OBJECT_DNS_RULE] = {"dns[]", sizeof(struct rule)},
	[OBJECT_SAVE_RULE] = {"save[]", sizeof(struct rule)},
	[OBJECT_EXEC_RULE] = {"exec[]", sizeof(struct rule)},
	[OBJECT_CLIPBOARD_RULE] = {"clipboard[]", sizeof(struct rule)},
	[OBJECT_PRINT_RULE] = {"print[]", sizeof(struct rule)},
	[OBJECT_DEVICE_RULE] = {"device[]", sizeof(struct rule)},
	[OBJECT_RAISE_RULE] = {"raise[]", sizeof(struct rule)},
	[OBJECT_ON_DENY] = {"tasks[].on_deny", sizeof(struct on_deny)},
	[OBJECT_ON_THREAT] = {"tasks[].on_threat", sizeof(struct on_threat)},
	[OBJECT_INGRESS] = {"ingress[]", sizeof(struct ingress)},
	[OBJECT_AGENT] = {"agent", sizeof(struct agent)},
	[OBJECT_SETTING] = {"set.RULE", sizeof(struct setting)},
	[OBJECT_FOR] = {"for", sizeof(struct whom)},
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
		[FIELD_TIME] = "time",
		[FIELD_WORDS] = "list of words",
		[FIELD_TEXTS] = "list of texts",
		[FIELD_NUMBERS] = "list of numbers",
		[FIELD_VARS] = "map of lists",
		[FIELD_MAP] = "map",
		[FIELD_LIST] = "list of maps",
		[FIELD_SETS] = "map of maps",
	};

	return names[type];
}

bool field_is_in(const struct field *field, unsigned kind)
{
	return !field->kinds || (field->kinds & (1U << kind));
}

const struct field *field_find(enum object in, const char *key)
{
	for (size_t i = 0; i < policy_field_count; i++) {
		if (policy_fields[i].in == in && !strcmp(policy_fields[i].key, key))
			return &policy_fields[i];
	}
	return NULL;
}

const char *field_nearest(enum object in, unsigned kind, const char *key)
{
	unsigned best = NEAR + 1;
	const char *nearest = NULL;

	for (size_t i = 0; i < policy_field_count; i++) {
		if (policy_fields[i].in != in || !field_is_in(&policy_fields[i], kind))
			continue;
		unsigned distance = report_distance(key, policy_fields[i].key);

		if (distance < best && distance < strlen(key)) {
			best = distance;
			nearest = policy_fields[i].key;
		}
	}
	return nearest;
}
