#include <string.h>

#include "server/ctl/ask.h"
#include "server/ctl/text.h"

enum {
	O_NOTE
};

enum {
	LIST_MAX = 10000
};

enum ctl_exit ctl_image_ls(struct ctl_call *call)
{
	static const char *const head[] = {"NAME", "VERSION", "COMPLETE", "PUSHED", "BY", NULL};
	struct ctl_table table;
	char cell[CTL_CELL_MAX];
	json_t *list = NULL, *row;
	size_t i;
	enum ctl_exit r = ctl_ask_all(call, "/images", "images", LIST_MAX, &list);

	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_list(call, "images", list);
	ctl_table_start(&table, head);
	json_array_foreach(list, i, row)
	{
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "name"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "version"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "complete"));
		ctl_table_cell(&table, ctl_time(cell, sizeof(cell), row, "created_at"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "created_by"));
	}
	ctl_table_finish(&table, call->out);
	json_decref(list);
	return CTL_OK;
}

static enum ctl_exit list_keys(struct ctl_call *call)
{
	static const char *const head[] = {"KEY", "TRUSTED SINCE", "NOTE", NULL};
	struct ctl_table table;
	char cell[CTL_CELL_MAX];
	json_t *json = NULL, *row;
	size_t i;
	enum ctl_exit r = ctl_ask(call, "GET", "/image-keys", NULL, &json);

	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_json(call, json);
	ctl_table_start(&table, head);
	json_array_foreach(json_object_get(json, "keys"), i, row)
	{
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "key"));
		ctl_table_cell(&table, ctl_time(cell, sizeof(cell), row, "added_at"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "note"));
	}
	ctl_table_finish(&table, call->out);
	json_decref(json);
	return CTL_OK;
}

enum ctl_exit ctl_image_trust_key(struct ctl_call *call)
{
	const char *note = call->options[O_NOTE] ? call->options[O_NOTE] : "";
	char key[100];
	json_t *json = NULL;

	if (!call->word_count)
		return list_keys(call);
	enum ctl_exit r =
		ctl_ask(call, "POST", "/image-keys",
			json_pack("{s:s, s:s}", "key", call->words[0], "note", note), &json);

	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_json(call, json);
	fprintf(call->out, "images signed by %s are trusted\n",
		ctl_text(key, sizeof(key), json, "key"));
	json_decref(json);
	return CTL_OK;
}
