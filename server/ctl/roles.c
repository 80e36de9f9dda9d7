#include "server/ctl/roles.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"

const char *ctl_groups_text(char *out, size_t cap, const json_t *groups)
{
	const json_t *name;
	size_t i, used = 0;

	out[0] = '\0';
	if (json_is_string(groups))
		log_quote(out, cap, json_string_value(groups), json_string_length(groups));
	json_array_foreach(groups, i, name)
	{
		char quoted[80];
		const char *text = json_string_value(name);

		if (!text || used >= cap)
			break;
		used += (size_t)snprintf(out + used, cap - used, "%s%s", i ? "," : "",
					 log_quote(quoted, sizeof(quoted), text, strlen(text)));
	}
	return out;
}

const char *ctl_roles_text(char *out, size_t cap, const json_t *roles)
{
	const json_t *grant;
	size_t i, used = 0;

	out[0] = '\0';
	json_array_foreach(roles, i, grant)
	{
		char role[40] = "", groups[300];
		const char *text = json_string_value(json_object_get(grant, "role"));

		if (text)
			log_quote(role, sizeof(role), text, strlen(text));
		if (used >= cap)
			break;
		used += (size_t)snprintf(out + used, cap - used, "%s%s:%s", i ? " " : "", role,
					 ctl_groups_text(groups, sizeof(groups),
							 json_object_get(grant, "groups")));
	}
	return out;
}

json_t *ctl_groups_json(const char *text)
{
	if (!strcmp(text, "all"))
		return json_string("all");
	json_t *list = json_array();

	for (const char *at = text; *at;) {
		size_t n = strcspn(at, ",");

		json_array_append_new(list, json_stringn(at, n));
		at += n + (at[n] == ',');
	}
	return list;
}
