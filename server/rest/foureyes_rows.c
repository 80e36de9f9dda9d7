/* Which requests need four eyes: the route table's `eyes`. They set call->eyes.needed and, for what goes to devices,
 * which ones it reaches. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/policy/policy.h"
#include "server/db.h"
#include "server/rest/foureyes.h"
#include "server/store/approvals.h"
#include "server/store/layers.h"

int srv_eyes_always(struct srv_call *call, struct err *err)
{
	(void)err;
	call->eyes.needed = true;
	return 0;
}

/* Whoever sees an account misused must be able to stop it alone and at once. */
int srv_eyes_person(struct srv_call *call, struct err *err)
{
	(void)err;
	call->eyes.needed = !(json_object_size(call->json) == 1 &&
			      json_is_true(json_object_get(call->json, "disabled")));
	return 0;
}

int srv_eyes_password(struct srv_call *call, struct err *err)
{
	(void)err;
	call->eyes.needed = strcmp(call->param, call->who.person) != 0;
	return 0;
}

int srv_eyes_switch(struct srv_call *call, struct err *err)
{
	(void)err;
	call->eyes.needed = json_is_false(json_object_get(call->json, "on"));
	return 0;
}

/* Whether the groups of a set have more than their share of the devices. */
static int measure(struct srv_call *call, const char *groups, struct err *err)
{
	cleanup_rows struct srv_rows *ids = NULL;
	int64_t all = 0;
	int r = srv_approvals_devices(call->conn, groups, &call->eyes.reached, &all, &ids, err);

	if (r < 0)
		return r;
	call->eyes.needed = call->eyes.reached * 100 > all * SRV_EYES_PERCENT;
	call->eyes.devices = strdup(srv_rows_text(ids, 0, 0));
	return call->eyes.devices ? 0 : err_set(err, -ENOMEM, "out of memory");
}

int srv_eyes_policy(struct srv_call *call, struct err *err)
{
	const char *group = json_string_value(json_object_get(call->json, "group"));
	char groups[80];

	/* A name with anything that an array's text would need to quote is no group's. */
	group = group ? group : "default";
	if (strpbrk(group, "{},\"\\ "))
		return 0;
	snprintf(groups, sizeof(groups), "{%s}", group);
	return measure(call, groups, err);
}

/* ---- layers ---- */

/* A set of groups that grows. */
struct reach {
	const struct srv_rows *ways;
	struct buf groups; /* "{a,b" */
};

static int add(struct reach *reach, const char *group)
{
	return buf_printf(&reach->groups, "%s%s", reach->groups.len > 1 ? "," : "", group);
}

/* The group and all below it; NULL: every one. */
static int add_below(struct reach *reach, const char *group)
{
	int r = 0;

	for (size_t i = 0; i < srv_rows_count(reach->ways) && r == 0; i++) {
		const char *below = srv_rows_text(reach->ways, i, SRV_WAY_GROUP);
		const char *above = srv_rows_text(reach->ways, i, SRV_WAY_ABOVE);

		if (!group || !strcmp(above, group))
			r = add(reach, below);
	}
	return r;
}

/* What the documents of the request concern. One that the language refuses reaches nothing: the handler says so. */
static int add_documents(struct reach *reach, const char *yaml, struct err *err)
{
	cleanup_free struct policy_layer *layers = calloc(POLICY_LAYERS_MAX, sizeof(*layers));
	int r = layers ? 0 : -ENOMEM;
	size_t count = layers ? policy_split(yaml, strlen(yaml), layers, POLICY_LAYERS_MAX) : 0;

	for (size_t i = 0; i < count && i < POLICY_LAYERS_MAX && r == 0; i++) {
		struct policy_errors errors = {0};
		struct policy_head head = {0};

		if (policy_read_head(&layers[i], &head, &errors) == 0)
			r = add_below(reach, head.kind == POLICY_KIND_DELTA ? head.group : NULL);
	}
	return r < 0 ? err_set(err, r, "out of memory") : 0;
}

/* What a stored document of that id concerns: of one that is replaced or taken away. */
static int add_stored(struct srv_call *call, struct reach *reach, const char *id, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_layers_history(call->conn, id, 1, &rows, err);

	if (r < 0 || !srv_rows_count(rows))
		return r;
	r = add_below(reach, srv_rows_is_null(rows, 0, SRV_LAYER_GROUP)
				     ? NULL
				     : srv_rows_text(rows, 0, SRV_LAYER_GROUP));
	return r < 0 ? err_set(err, r, "out of memory") : 0;
}

/* A document that moves from one group to another concerns both. */
static int add_replaced(struct srv_call *call, struct reach *reach, const char *yaml,
			struct err *err)
{
	cleanup_free struct policy_layer *layers = calloc(POLICY_LAYERS_MAX, sizeof(*layers));
	int r = layers ? 0 : err_set(err, -ENOMEM, "out of memory");
	size_t count = layers ? policy_split(yaml, strlen(yaml), layers, POLICY_LAYERS_MAX) : 0;

	for (size_t i = 0; i < count && i < POLICY_LAYERS_MAX && r == 0; i++) {
		struct policy_errors errors = {0};
		struct policy_head head = {0};

		if (policy_read_head(&layers[i], &head, &errors) == 0)
			r = add_stored(call, reach, head.id, err);
	}
	return r;
}

int srv_eyes_layers(struct srv_call *call, struct err *err)
{
	const char *document = json_string_value(json_object_get(call->json, "document"));
	const char *removed = json_string_value(json_object_get(call->json, "remove"));
	cleanup_rows struct srv_rows *ways = NULL;
	struct reach reach = {0};

	if (json_integer_value(json_object_get(call->json, "dry")))
		return 0;
	int r = srv_groups_ways(call->conn, &ways, err);

	reach.ways = ways;
	if (r == 0)
		r = buf_printf(&reach.groups, "{");
	if (r == 0 && document)
		r = add_documents(&reach, document, err);
	if (r == 0 && document)
		r = add_replaced(call, &reach, document, err);
	if (r == 0 && removed)
		r = add_stored(call, &reach, removed, err);
	if (r == 0)
		r = buf_printf(&reach.groups, "}");
	if (r == 0)
		r = buf_put_u8(&reach.groups, 0);
	if (r == 0)
		r = measure(call, (const char *)reach.groups.data, err);
	buf_release(&reach.groups);
	return r;
}
