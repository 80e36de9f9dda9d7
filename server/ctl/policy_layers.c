/* Policies as layers: checked, exported, rolled back, compared, and told rule by rule. */
#include <stdlib.h>
#include <string.h>

#include "server/ctl/layers.h"
#include "server/ctl/text.h"

enum rollback_option {
	B_GIT
};

enum diff_option {
	D_GROUP
};

enum rules_option {
	R_GROUP,
	R_DEVICE,
	R_USER,
	R_SERIAL
};

enum group_option {
	P_PARENT
};

enum ctl_exit ctl_policy_check(struct ctl_call *call)
{
	cleanup_buf struct buf document = {0};
	enum ctl_exit r = ctl_read_document(call, call->words[0], &document);

	if (r != CTL_OK)
		return r;
	return ctl_change_layers(call, call->words[0],
				 json_pack("{s:s%, s:i}", "document", (const char *)document.data,
					   document.len, "dry", 1),
				 NULL);
}

enum ctl_exit ctl_policy_rm(struct ctl_call *call)
{
	return ctl_change_layers(call, call->words[0],
				 json_pack("{s:s, s:s}", "remove", call->words[0], "managed",
					   call->options[B_GIT] ? "git" : "none"),
				 NULL);
}

/* The stream of all documents, or one of them, as `policy apply --layers` takes it back. */
enum ctl_exit ctl_policy_export(struct ctl_call *call)
{
	const json_t *layers, *layer;
	bool first = true;
	json_t *json = NULL;
	size_t i;
	enum ctl_exit r = ctl_ask(call, "GET", "/layers", NULL, &json);

	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_json(call, json);
	layers = json_object_get(json, "layers");
	json_array_foreach(layers, i, layer)
	{
		const json_t *document = json_object_get(layer, "document");
		const char *id = json_string_value(json_object_get(layer, "id"));

		if (call->word_count && (!id || strcmp(id, call->words[0]) != 0))
			continue;
		/* An admin's own text: byte for byte, unlike in tables. */
		fprintf(call->out, "%s", first ? "" : "---\n");
		fwrite(json_string_value(document), 1, json_string_length(document), call->out);
		first = false;
	}
	json_decref(json);
	return first && call->word_count
		       ? ctl_fail(call, "there is no document '%s'", call->words[0])
		       : CTL_OK;
}

static enum ctl_exit get_history(struct ctl_call *call, json_t **ret_json)
{
	struct ctl_path path;

	ctl_path_set(&path, "/layers");
	ctl_path_component(&path, call->words[0]);
	return ctl_ask(call, "GET", path.text, NULL, ret_json);
}

enum ctl_exit ctl_policy_history(struct ctl_call *call)
{
	static const char *const head[] = {"REVISION", "KIND", "CREATED", "BY",
					   "MANAGED",  "GONE", NULL};
	const json_t *layers, *layer;
	struct ctl_table table;
	char cell[CTL_CELL_MAX];
	json_t *json = NULL;
	size_t i;
	enum ctl_exit r = get_history(call, &json);

	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_json(call, json);
	layers = json_object_get(json, "layers");
	ctl_table_start(&table, head);
	json_array_foreach(layers, i, layer)
	{
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), layer, "revision"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), layer, "kind"));
		ctl_table_cell(&table, ctl_time(cell, sizeof(cell), layer, "created_at"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), layer, "created_by"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), layer, "managed"));
		ctl_table_cell(&table,
			       json_is_null(json_object_get(layer, "document")) ? "yes" : "");
	}
	ctl_table_finish(&table, call->out);
	json_decref(json);
	return CTL_OK;
}

/* An old document under a new revision; serials rise. */
enum ctl_exit ctl_policy_rollback(struct ctl_call *call)
{
	const json_t *layer, *document = NULL;
	json_t *json = NULL;
	char *end;
	long long revision = strtoll(call->words[1], &end, 10);
	size_t i;

	if (*end || revision < 1)
		return ctl_misused(call, "REVISION must be a number above 0");
	enum ctl_exit r = get_history(call, &json);

	if (r != CTL_OK)
		return r;
	json_array_foreach(json_object_get(json, "layers"), i, layer)
	{
		if (json_integer_value(json_object_get(layer, "revision")) == revision)
			document = json_object_get(layer, "document");
	}
	if (json_is_string(document))
		r = ctl_change_layers(call, call->words[0],
				      json_pack("{s:O, s:s}", "document", document, "managed",
						call->options[B_GIT] ? "git" : "none"),
				      NULL);
	else
		r = ctl_fail(call, "'%s' has no document in revision %lld", call->words[0],
			     revision);
	json_decref(json);
	return r;
}

enum ctl_exit ctl_policy_diff(struct ctl_call *call)
{
	struct ctl_path path;
	json_t *json = NULL;

	ctl_path_set(&path, "/policy-diff");
	ctl_path_add(&path, "group", call->options[D_GROUP]);
	ctl_path_add(&path, "from", call->words[0]);
	ctl_path_add(&path, "to", call->word_count > 1 ? call->words[1] : NULL);
	enum ctl_exit r = ctl_ask(call, "GET", path.text, NULL, &json);

	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_json(call, json);
	ctl_print_changes(call->out, json_object_get(json, "changes"));
	fprintf(call->out, "%zu changes from serial %lld to %lld\n",
		json_array_size(json_object_get(json, "changes")),
		(long long)json_integer_value(json_object_get(json, "from")),
		(long long)json_integer_value(json_object_get(json, "to")));
	json_decref(json);
	return CTL_OK;
}

enum ctl_exit ctl_policy_rules(struct ctl_call *call)
{
	static const char *const head[] = {"TASK", "CLASS", "RULE", "FROM", "LINE", "TEXT", NULL};
	static const char *const keys[] = {"task", "class", "id", "document", "line", "text"};
	const json_t *rule;
	struct ctl_table table;
	struct ctl_path path;
	char cell[CTL_CELL_MAX];
	json_t *json = NULL;
	size_t i;

	ctl_path_set(&path, "/policy-rules");
	ctl_path_add(&path, "group", call->options[R_GROUP]);
	ctl_path_add(&path, "device", call->options[R_DEVICE]);
	ctl_path_add(&path, "user", call->options[R_USER]);
	ctl_path_add(&path, "serial", call->options[R_SERIAL]);
	enum ctl_exit r = ctl_ask(call, "GET", path.text, NULL, &json);

	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_json(call, json);
	ctl_table_start(&table, head);
	json_array_foreach(json_object_get(json, "rules"), i, rule)
	{
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			ctl_table_cell(&table, ctl_text(cell, sizeof(cell), rule, keys[k]));
	}
	ctl_table_finish(&table, call->out);
	json_decref(json);
	return CTL_OK;
}

enum ctl_exit ctl_group_ls(struct ctl_call *call)
{
	static const char *const head[] = {"GROUP", "PARENT", NULL};
	const json_t *group;
	struct ctl_table table;
	char cell[CTL_CELL_MAX];
	json_t *json = NULL;
	size_t i;
	enum ctl_exit r = ctl_ask(call, "GET", "/groups", NULL, &json);

	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_json(call, json);
	ctl_table_start(&table, head);
	json_array_foreach(json_object_get(json, "groups"), i, group)
	{
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), group, "name"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), group, "parent"));
	}
	ctl_table_finish(&table, call->out);
	json_decref(json);
	return CTL_OK;
}

enum ctl_exit ctl_group_put(struct ctl_call *call)
{
	json_t *json = NULL;
	json_t *body =
		json_pack("{s:s, s:s*}", "name", call->words[0], "parent", call->options[P_PARENT]);
	enum ctl_exit r = ctl_ask(call, "POST", "/groups", body, &json);

	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_json(call, json);
	fprintf(call->out, "group %s is there\n", call->words[0]);
	json_decref(json);
	return CTL_OK;
}
