#include <stdlib.h>
#include <string.h>

#include "server/ctl/ask.h"
#include "server/ctl/text.h"

enum {
	G_GROUP
};

enum {
	LIST_MAX = 10000
};

enum ctl_exit ctl_policy_get(struct ctl_call *call)
{
	struct ctl_path path;
	json_t *json = NULL;

	ctl_path_set(&path, "/policies");
	ctl_path_component(&path, call->word_count ? call->words[0] : "newest");
	ctl_path_add(&path, "group", call->options[G_GROUP]);
	enum ctl_exit r = ctl_ask(call, "GET", path.text, NULL, &json);

	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_json(call, json);
	const json_t *document = json_object_get(json, "document");

	/* An admin's own text, to be edited and applied again: byte for byte, unlike in tables. */
	fwrite(json_string_value(document), 1, json_string_length(document), call->out);
	json_decref(json);
	return CTL_OK;
}

enum ctl_exit ctl_policy_ls(struct ctl_call *call)
{
	static const char *const head[] = {"GROUP",   "SERIAL", "POLICY", "DIGEST",
					   "CREATED", "BY",     "FILE",   NULL};
	struct ctl_table table;
	struct ctl_path path;
	char cell[CTL_CELL_MAX];
	json_t *list = NULL, *row;
	size_t i;

	ctl_path_set(&path, "/policies");
	ctl_path_add(&path, "group", call->options[G_GROUP]);
	enum ctl_exit r = ctl_ask_all(call, path.text, "policies", LIST_MAX, &list);

	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_list(call, "policies", list);
	ctl_table_start(&table, head);
	json_array_foreach(list, i, row)
	{
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "group"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "serial"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "policy_id"));
		ctl_table_cell(&table, ctl_text(cell, 17, row, "digest"));
		ctl_table_cell(&table, ctl_time(cell, sizeof(cell), row, "created_at"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "created_by"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "name"));
	}
	ctl_table_finish(&table, call->out);
	json_decref(list);
	return CTL_OK;
}
