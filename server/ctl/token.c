#include "server/ctl/ask.h"
#include "server/ctl/roles.h"
#include "server/ctl/text.h"

enum enrol {
	E_GROUP,
	E_USES,
	E_TTL,
	E_NAME,
	E_APPROVAL
};

enum api {
	A_ROLE,
	A_TTL,
	A_NAME,
	A_GROUPS
};

enum {
	LIST_MAX = 100000,
	TTL_MAX_S = 366 * 24 * 3600
};

/* The secret goes to stdout and nowhere else, so that it can be redirected into a file. */
static enum ctl_exit make(struct ctl_call *call, json_t *body)
{
	json_t *json = NULL;
	char id[60];
	enum ctl_exit r = ctl_ask(call, "POST", "/tokens", body, &json);

	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_json(call, json);
	const char *token = json_string_value(json_object_get(json, "token"));

	fprintf(call->err, "token %s; it is shown this once:\n",
		ctl_text(id, sizeof(id), json, "id"));
	fprintf(call->out, "%s\n", token ? token : "");
	json_decref(json);
	return CTL_OK;
}

static void set_text(json_t *body, const char *name, const char *text)
{
	if (text)
		json_object_set_new(body, name, json_string(text));
}

static void set_number(json_t *body, const char *name, long long n)
{
	if (n)
		json_object_set_new(body, name, json_integer(n));
}

enum ctl_exit ctl_token_new_enrol(struct ctl_call *call)
{
	long long uses = 0, ttl_s = 0;

	if (ctl_number(call, E_USES, 1, 100000, &uses) != CTL_OK ||
	    ctl_number(call, E_TTL, 10, TTL_MAX_S, &ttl_s) != CTL_OK)
		return CTL_USAGE;
	json_t *body = json_pack("{s:s}", "kind", "enrol");

	set_text(body, "group", call->options[E_GROUP]);
	set_text(body, "name", call->options[E_NAME]);
	if (call->options[E_APPROVAL])
		json_object_set_new(body, "approval", json_true());
	set_number(body, "uses", uses);
	set_number(body, "ttl_s", ttl_s);
	return make(call, body);
}

enum ctl_exit ctl_token_new_api(struct ctl_call *call)
{
	long long ttl_s = 0;

	if (!call->options[A_ROLE])
		return ctl_misused(call, "--role is needed");
	if (ctl_number(call, A_TTL, 10, TTL_MAX_S, &ttl_s) != CTL_OK)
		return CTL_USAGE;
	json_t *body = json_pack("{s:s}", "kind", "api");

	set_text(body, "role", call->options[A_ROLE]);
	set_text(body, "name", call->options[A_NAME]);
	if (call->options[A_GROUPS])
		json_object_set_new(body, "groups", ctl_groups_json(call->options[A_GROUPS]));
	set_number(body, "ttl_s", ttl_s);
	return make(call, body);
}

enum ctl_exit ctl_token_ls(struct ctl_call *call)
{
	static const char *const head[] = {"ID",      "KIND",    "STATE",     "FOR",  "LEFT",
					   "EXPIRES", "CREATED", "LAST USED", "NAME", NULL};
	struct ctl_table table;
	char cell[CTL_CELL_MAX];
	json_t *list = NULL, *row;
	size_t i;
	enum ctl_exit r = ctl_ask_all(call, "/tokens", "tokens", LIST_MAX, &list);

	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_list(call, "tokens", list);
	ctl_table_start(&table, head);
	json_array_foreach(list, i, row)
	{
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "id"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "kind"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "state"));
		if (!ctl_text(cell, sizeof(cell), row, "role")[0])
			ctl_text(cell, sizeof(cell), row, "group");
		ctl_table_cell(&table, cell);
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "uses_left"));
		ctl_table_cell(&table, ctl_time(cell, sizeof(cell), row, "expires_at"));
		ctl_table_cell(&table, ctl_time(cell, sizeof(cell), row, "created_at"));
		ctl_table_cell(&table, ctl_time(cell, sizeof(cell), row, "last_used_at"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "name"));
	}
	ctl_table_finish(&table, call->out);
	json_decref(list);
	return CTL_OK;
}

enum ctl_exit ctl_token_revoke(struct ctl_call *call)
{
	struct ctl_path path;
	json_t *json = NULL;

	ctl_path_set(&path, "/tokens");
	ctl_path_component(&path, call->words[0]);
	enum ctl_exit r = ctl_ask(call, "DELETE", path.text, NULL, &json);

	json_decref(json);
	if (r == CTL_OK && !call->json)
		fprintf(call->out, "revoked\n");
	return r;
}
