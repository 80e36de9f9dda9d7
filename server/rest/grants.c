#include "server/rest/grants.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

json_t *srv_groups_json(const char *groups)
{
	if (srv_groups_has(groups, "*"))
		return json_string("all");
	json_t *list = json_array();

	for (const char *at = groups + 1; list && *at && *at != '}';) {
		size_t n = strcspn(at, ",}");

		json_array_append_new(list, json_stringn(at, n));
		at += n + (at[n] == ',');
	}
	return list;
}

json_t *srv_grants_json(const struct srv_grants *grants)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < grants->count; i++) {
		const struct srv_grant *g = &grants->list[i];

		json_array_append_new(list, json_pack("{s:s, s:o}", "role", srv_role_name(g->role),
						      "groups", srv_groups_json(g->groups)));
	}
	return list;
}

/* As the check of the table "groups" has it; nothing here needs quoting in an array. */
static bool is_group_name(const char *text, size_t n)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	return text && n && n < 64 &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._-") == n &&
	       strchr(letters, text[0]);
}

int srv_groups_read(const char *field, const json_t *json, char out[SRV_GROUPS_TEXT],
		    struct err *err)
{
	size_t used = 0, i, count = json_array_size(json);
	const json_t *name;

	if (json_is_string(json) && !strcmp(json_string_value(json), "all")) {
		snprintf(out, SRV_GROUPS_TEXT, SRV_GROUPS_ALL);
		return 0;
	}
	if (!count || count > SRV_GRANT_GROUPS_MAX)
		return err_set(err, -EINVAL, "%s: is neither \"all\" nor a list of 1 to %d groups",
			       field, SRV_GRANT_GROUPS_MAX);
	json_array_foreach(json, i, name)
	{
		const char *text = json_string_value(name);

		if (!is_group_name(text, json_string_length(name)))
			return err_set(err, -EINVAL, "%s: is not a list of groups' names", field);
		used += (size_t)snprintf(out + used, SRV_GROUPS_TEXT - used, "%s%s",
					 used ? "," : "{", text);
	}
	snprintf(out + used, SRV_GROUPS_TEXT - used, "}");
	return 0;
}

static int read_one(json_t *json, struct srv_grants *out, struct err *err)
{
	const char *role = json_string_value(json_object_get(json, "role"));
	char groups[SRV_GROUPS_TEXT];

	if (!role || json_object_size(json) != 2 || !json_object_get(json, "groups"))
		return err_set(err, -EINVAL,
			       "roles: each is {\"role\": \"...\", \"groups\": [...] or \"all\"}");
	int r = srv_groups_read("roles", json_object_get(json, "groups"), groups, err);

	if (r < 0)
		return r;
	return srv_grants_add(out, role, groups) < 0
		       ? err_set(err, -EINVAL, "roles: each is one of %s, and named once",
				 SRV_ROLE_WORDS)
		       : 0;
}

int srv_grants_read(json_t *list, struct srv_grants *out, struct err *err)
{
	json_t *one;
	size_t i;

	*out = (struct srv_grants){0};
	json_array_foreach(list, i, one)
	{
		int r = read_one(one, out, err);

		if (r < 0)
			return r;
	}
	return 0;
}
