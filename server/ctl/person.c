#include <string.h>

#include "server/ctl/ask.h"
#include "server/ctl/roles.h"
#include "server/ctl/secret.h"
#include "server/ctl/text.h"

enum add {
	A_ROLE,
	A_GROUPS
};

enum role {
	R_GROUPS,
	R_REMOVE
};

enum {
	LIST_MAX = 100000
};

static json_t *grant_json(const char *role, const char *groups)
{
	return json_pack("{s:s, s:o}", "role", role, "groups",
			 ctl_groups_json(groups ? groups : "all"));
}

/* Says who is what now, and takes json. */
static enum ctl_exit say(struct ctl_call *call, json_t *person)
{
	char name[200], roles[1000], disabled[8];

	if (call->json)
		return ctl_print_json(call, person);
	ctl_roles_text(roles, sizeof(roles), json_object_get(person, "roles"));
	ctl_text(disabled, sizeof(disabled), person, "disabled");
	fprintf(call->out, "%s: %s%s\n", ctl_text(name, sizeof(name), person, "name"),
		roles[0] ? roles : "no role", strcmp(disabled, "yes") ? "" : ", disabled");
	json_decref(person);
	return CTL_OK;
}

enum ctl_exit ctl_person_add(struct ctl_call *call)
{
	char password[CTL_SECRET_MAX];
	json_t *json = NULL;

	if (!call->options[A_ROLE])
		return ctl_misused(call, "--role is needed");
	enum ctl_exit r = ctl_open(call);

	if (r == CTL_OK)
		r = ctl_secret_read(call, "Password of the new person", password);
	if (r != CTL_OK)
		return r;
	json_t *body =
		json_pack("{s:s, s:s, s:[o]}", "name", call->words[0], "password", password,
			  "roles", grant_json(call->options[A_ROLE], call->options[A_GROUPS]));

	explicit_bzero(password, sizeof(password));
	if (!body)
		return ctl_fail(call, "name and password must be UTF-8");
	r = ctl_ask(call, "POST", "/people", body, &json);
	return r == CTL_OK ? say(call, json) : r;
}

enum ctl_exit ctl_person_ls(struct ctl_call *call)
{
	static const char *const head[] = {"NAME",      "ROLES",   "2ND FACTOR", "DISABLED",
					   "LAST SEEN", "CREATED", "ID",         NULL};
	struct ctl_table table;
	char cell[CTL_CELL_MAX];
	json_t *list = NULL, *row;
	size_t i;
	enum ctl_exit r = ctl_ask_all(call, "/people", "people", LIST_MAX, &list);

	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_list(call, "people", list);
	ctl_table_start(&table, head);
	json_array_foreach(list, i, row)
	{
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "name"));
		ctl_table_cell(&table,
			       ctl_roles_text(cell, sizeof(cell), json_object_get(row, "roles")));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "totp"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "disabled"));
		ctl_table_cell(&table, ctl_time(cell, sizeof(cell), row, "last_seen"));
		ctl_table_cell(&table, ctl_time(cell, sizeof(cell), row, "created_at"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "id"));
	}
	ctl_table_finish(&table, call->out);
	json_decref(list);
	return CTL_OK;
}

/* The person as it is now, in place of the one of a list; a change that follows is of this version. */
static enum ctl_exit look(struct ctl_call *call, const struct ctl_path *path, json_t **ret_person)
{
	json_t *fresh = NULL;
	enum ctl_exit r = ctl_ask(call, "GET", path->text, NULL, &fresh);

	if (r == CTL_OK)
		ctl_client_match_last(call->client);
	json_decref(*ret_person);
	*ret_person = fresh;
	return r;
}

/* The person of that name, the caller's; the path of his row in path. */
static enum ctl_exit find(struct ctl_call *call, const char *name, struct ctl_path *path,
			  json_t **ret_person)
{
	json_t *list = NULL, *row;
	size_t i;
	enum ctl_exit r = ctl_ask_all(call, "/people", "people", LIST_MAX, &list);

	if (r != CTL_OK)
		return r;
	json_array_foreach(list, i, row)
	{
		const char *has = json_string_value(json_object_get(row, "name"));
		const char *id = json_string_value(json_object_get(row, "id"));

		if (!has || !id || strcmp(has, name) != 0)
			continue;
		ctl_path_set(path, "/people");
		ctl_path_component(path, id);
		*ret_person = json_incref(row);
	}
	json_decref(list);
	return *ret_person ? look(call, path, ret_person)
			   : ctl_fail(call, "there is nobody of this name");
}

static enum ctl_exit patch(struct ctl_call *call, const struct ctl_path *path, json_t *body)
{
	json_t *json = NULL;
	enum ctl_exit r = ctl_ask(call, "PATCH", path->text, body, &json);

	return r == CTL_OK ? say(call, json) : r;
}

enum ctl_exit ctl_person_role(struct ctl_call *call)
{
	struct ctl_path path;
	json_t *person = NULL, *grant;
	json_t *roles = json_array();
	size_t i;
	enum ctl_exit r = find(call, call->words[0], &path, &person);

	/* The others stay. */
	json_array_foreach(json_object_get(person, "roles"), i, grant)
	{
		const char *role = json_string_value(json_object_get(grant, "role"));

		if (role && strcmp(role, call->words[1]) != 0)
			json_array_append(roles, grant);
	}
	json_decref(person);
	if (r != CTL_OK) {
		json_decref(roles);
		return r;
	}
	if (!call->options[R_REMOVE])
		json_array_append_new(roles, grant_json(call->words[1], call->options[R_GROUPS]));
	return patch(call, &path, json_pack("{s:o}", "roles", roles));
}

static enum ctl_exit set_disabled(struct ctl_call *call, bool disabled)
{
	struct ctl_path path;
	json_t *person = NULL;
	enum ctl_exit r = find(call, call->words[0], &path, &person);

	json_decref(person);
	return r == CTL_OK ? patch(call, &path, json_pack("{s:b}", "disabled", disabled)) : r;
}

enum ctl_exit ctl_person_disable(struct ctl_call *call)
{
	return set_disabled(call, true);
}

enum ctl_exit ctl_person_enable(struct ctl_call *call)
{
	return set_disabled(call, false);
}
