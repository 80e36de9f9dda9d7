/* POST /layers: documents of the policy language take the place of those with their ids, or one is taken away.
 * For every group the policy that would come of it is merged, tested and compared with the one in force; then
 * all of it is stored and signed in one transaction, or nothing is. With "dry" nothing is in any case: that is
 * how a draft is checked, and how an admin sees what he is about to change, and for whom. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "server/config.h"
#include "server/hub.h"
#include "server/rest/findings.h"
#include "server/rest/handlers.h"
#include "server/rest/plan.h"
#include "server/rest/publish.h"
#include "server/store/layers.h"
#include "server/store/policies.h"

enum {
	NAMED_DEVICES = 100 /* of a group, in an answer */
};

enum body {
	B_DOCUMENT,
	B_REMOVE,
	B_MANAGED,
	B_DRY
};
const struct srv_field srv_layers_body[] = {
	[B_DOCUMENT] = {"document", SRV_FIELD_TEXT, .min = 1, .max = POLICY_BYTES_MAX},
	[B_REMOVE] = {"remove", SRV_FIELD_TEXT, .min = 1, .max = MV_NAME_MAX - 1},
	[B_MANAGED] = {"managed", SRV_FIELD_TEXT, .max = 8, .words = "none|git"},
	[B_DRY] = {"dry", SRV_FIELD_NUMBER, .max = 1},
	{NULL},
};

struct changing {
	struct srv_call *call;
	struct srv_plan *plan;
	struct srv_rows *ways;
	json_t *findings; /* owned */
	json_t *notes;    /* owned */
	json_t *groups;   /* owned; those that change */
	bool dry;
};

static void plan_freep(struct srv_plan **plan)
{
	srv_plan_free(*plan);
}

static void policy_freep(struct policy **policy)
{
	policy_free(*policy);
}

/* {"count", "names"}: whom it concerns. */
static json_t *devices_json(struct srv_call *call, const char *group, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	json_t *names = json_array();
	int r = srv_groups_devices(call->conn, group, NAMED_DEVICES, &rows, err);

	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++)
		r = json_array_append_new(names, json_string(srv_rows_text(rows, i, 0)));
	if (r < 0) {
		json_decref(names);
		return NULL;
	}
	return json_pack("{s:I, s:o}", "count",
			 (json_int_t)(srv_rows_count(rows) ? srv_rows_int(rows, 0, 1) : 0), "names",
			 names);
}

/* The policy in force, to compare with. One of an older language may not parse any more: then all is new. */
static struct policy *parse_newest(const struct srv_rows *newest)
{
	struct policy_errors errors;
	size_t n;

	if (!srv_rows_count(newest))
		return NULL;
	const uint8_t *bytes = srv_rows_bytes(newest, 0, SRV_POLICY_DOCUMENT, &n);

	return policy_parse(bytes, n, &errors);
}

static int add_group(struct changing *c, const char *group, const struct policy *policy,
		     const struct srv_rows *newest, const struct srv_published *version,
		     struct err *err)
{
	cleanup_(policy_freep) struct policy *old = parse_newest(newest);
	json_t *devices = devices_json(c->call, group, err);

	if (!devices)
		return err_set(err, -EIO, "cannot list the devices of a group");
	json_t *json = json_pack("{s:s, s:s, s:o, s:o, s:o}", "group", group, "policy_id",
				 policy_id(policy), "serial",
				 version ? json_integer(version->serial) : json_null(), "devices",
				 devices, "changes", srv_changes_json(old, policy));

	if (!json || json_array_append_new(c->groups, json) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	return 0;
}

static bool is_in_force(const struct srv_rows *newest, const struct buf *document)
{
	size_t n;

	if (!srv_rows_count(newest))
		return false;
	const uint8_t *bytes = srv_rows_bytes(newest, 0, SRV_POLICY_DOCUMENT, &n);

	return n == document->len && !memcmp(bytes, document->data, n);
}

/* What is checked: told, and stored unless this is a draft. 1 when the signer's refusal has been answered. */
static int settle_group(struct changing *c, const char *group, const struct policy *policy,
			const struct buf *document, struct err *err)
{
	cleanup_rows struct srv_rows *newest = NULL;
	struct srv_published version;
	struct srv_draft draft = {.group = group,
				  .policy_id = policy_id(policy),
				  .name = "",
				  .document = document->data,
				  .document_bytes = document->len,
				  .created_by = c->call->who.name};
	int r = srv_policies_lock(c->call->conn, group, err);

	if (r == 0)
		r = srv_policies_get(c->call->conn, c->call->scope, group, 0, &newest, err);
	if (r < 0 || is_in_force(newest, document))
		return r;
	if (!c->dry)
		r = srv_publish(c->call, &draft, &version, err);
	if (r != 0)
		return r;
	return add_group(c, group, policy, newest, c->dry ? NULL : &version, err);
}

static int add_findings(struct changing *c, const struct policy *policy,
			const struct policy_errors *errors, struct err *err)
{
	int r = policy ? srv_findings_add_tests(c->findings, policy)
		       : srv_findings_add_all(c->findings, errors);

	if (r == 0 && policy)
		r = srv_findings_add_all(c->notes, policy_notes(policy));
	if (r < 0)
		return err_set(err, -ENOMEM, "out of memory");
	return policy ? srv_findings_add_images(c->call, policy, c->findings, err) : 0;
}

/* One group, whose way is rows first to end. */
static int change_group(struct changing *c, size_t first, size_t end, struct err *err)
{
	cleanup_free struct policy_layer *layers = calloc(POLICY_LAYERS_MAX, sizeof(*layers));
	cleanup_(policy_freep) struct policy *policy = NULL;
	cleanup_buf struct buf document = {0};
	struct policy_errors errors = {0};
	const char *group = srv_rows_text(c->ways, first, SRV_WAY_GROUP);

	if (!layers)
		return err_set(err, -ENOMEM, "out of memory");
	size_t count = srv_plan_layers(c->plan, c->ways, first, end, (uint64_t)time(NULL), layers);

	if (count == 0)
		return 0; /* no layer concerns it: what it has stays */
	json_array_clear(c->notes);
	policy = policy_merge(layers, count, &errors);
	int r = add_findings(c, policy, &errors, err);

	if (r < 0 || json_array_size(c->findings))
		return r;
	if (policy_join(layers, count, &document) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	return settle_group(c, group, policy, &document, err);
}

static int change_groups(struct changing *c, struct err *err)
{
	size_t n = srv_rows_count(c->ways), end;
	int r = 0;

	/* The first group with findings ends it: those of the next are mostly the same. */
	for (size_t first = 0; first < n && r == 0 && !json_array_size(c->findings); first = end) {
		const char *group = srv_rows_text(c->ways, first, SRV_WAY_GROUP);

		for (end = first; end < n; end++) {
			if (strcmp(srv_rows_text(c->ways, end, SRV_WAY_GROUP), group) != 0)
				break;
		}
		r = change_group(c, first, end, err);
	}
	return r;
}

/* A document that git keeps is changed by git's writer alone. Answers. */
static bool is_refused_to_writer(struct changing *c, const struct srv_rows *stored)
{
	const struct srv_value *managed = &c->call->body[B_MANAGED];

	if (managed->given && !strcmp(managed->text, "git"))
		return false;
	for (size_t i = 0; i < srv_rows_count(stored); i++) {
		const char *id = srv_rows_text(stored, i, SRV_LAYER_ID);
		bool touched = !strcmp(c->plan->removed, id);

		for (size_t k = 0; k < c->plan->count && !touched; k++)
			touched = c->plan->list[k].given && !strcmp(c->plan->list[k].head.id, id);
		if (!touched || strcmp(srv_rows_text(stored, i, SRV_LAYER_MANAGED), "git") != 0)
			continue;
		srv_reply_problem(c->call->req, SRV_POLICY_MANAGED,
				  "'%s' is managed in git: change it there.", id);
		return true;
	}
	return false;
}

static int store_layers(struct changing *c, const struct srv_rows *stored, struct err *err)
{
	static const char *const kinds[] = {[POLICY_KIND_BASE] = "base",
					    [POLICY_KIND_DELTA] = "delta",
					    [POLICY_KIND_EXCEPTION] = "exception"};
	const struct srv_value *managed = &c->call->body[B_MANAGED];
	int r = 0;

	for (size_t i = 0; i < c->plan->count && r == 0; i++) {
		const struct srv_plan_document *d = &c->plan->list[i];

		if (!d->given)
			continue;
		r = srv_layers_add(
			c->call->conn,
			&(struct srv_new_layer){.id = d->head.id,
						.kind = kinds[d->head.kind],
						.group = d->head.group[0] ? d->head.group : NULL,
						.until_s = (int64_t)d->head.until_s,
						.managed = managed->given ? managed->text : "none",
						.document = d->layer.yaml,
						.document_bytes = d->layer.n,
						.created_by = c->call->who.name},
			err);
	}
	for (size_t i = 0; i < srv_rows_count(stored) && r == 0; i++) {
		if (strcmp(srv_rows_text(stored, i, SRV_LAYER_ID), c->plan->removed) != 0)
			continue;
		r = srv_layers_add(
			c->call->conn,
			&(struct srv_new_layer){.id = c->plan->removed,
						.kind = srv_rows_text(stored, i, SRV_LAYER_KIND),
						.managed = managed->given ? managed->text : "none",
						.created_by = c->call->who.name},
			err);
	}
	return r;
}

/* Fills the plan from the body. 1 when a problem has been answered. */
static int make_plan(struct changing *c, const struct srv_rows *stored, struct err *err)
{
	const struct srv_value *b = c->call->body;
	struct policy_errors errors = {0};
	int r = srv_plan_new(stored, &c->plan, err);

	if (r == 0 && b[B_REMOVE].given && srv_plan_remove(c->plan, b[B_REMOVE].text) < 0) {
		srv_reply_problem(c->call->req, SRV_NOT_FOUND, "There is no such document.");
		return 1;
	}
	if (r == 0 && b[B_DOCUMENT].given)
		r = srv_plan_put(c->plan, b[B_DOCUMENT].text, b[B_DOCUMENT].bytes, &errors, err);
	if (r == -EINVAL)
		return srv_findings_add_all(c->findings, &errors);
	if (r == -EFBIG) {
		srv_reply_problem(c->call->req, SRV_BAD_FIELD, "document: too many documents.");
		return 1;
	}
	return r < 0 ? r : is_refused_to_writer(c, stored);
}

static int change(struct changing *c, struct err *err)
{
	cleanup_rows struct srv_rows *stored = NULL;
	int r = srv_layers_lock(c->call->conn, err);

	if (r == 0)
		r = srv_layers_newest(c->call->conn, &stored, err);
	if (r == 0)
		r = make_plan(c, stored, err);
	if (r == 0)
		r = srv_groups_ways(c->call->conn, &c->ways, err);
	if (r == 0 && !json_array_size(c->findings))
		r = store_layers(c, stored, err);
	if (r == -ENOENT) {
		srv_reply_problem(c->call->req, SRV_BAD_FIELD,
				  "document: a delta names a group that is not there.");
		return 1;
	}
	if (r == 0 && !json_array_size(c->findings))
		r = change_groups(c, err);
	return r;
}

static void tell_hub(const struct changing *c)
{
	const json_t *group;
	size_t i;

	json_array_foreach(c->groups, i, group)
	{
		srv_hub_policy_changed(
			c->call->api->context->hub,
			json_string_value(json_object_get(group, "group")),
			(uint64_t)json_integer_value(json_object_get(group, "serial")));
	}
}

static int answer(struct changing *c, struct err *err)
{
	size_t findings = json_array_size(c->findings);
	int r = 0;

	if (findings || c->dry)
		srv_rollback(c->call->conn);
	else
		r = srv_commit(c->call->conn, err);
	if (r < 0)
		return r;
	if (findings) {
		srv_reply_findings(c->call->req, SRV_POLICY_REFUSED, json_incref(c->findings),
				   "%zu finding%s; nothing was changed.", findings,
				   findings == 1 ? "" : "s");
		return 0;
	}
	if (!c->dry) {
		snprintf(c->call->object, sizeof(c->call->object), "layers");
		c->call->became = json_pack("{s:O}", "groups", c->groups);
		tell_hub(c);
	}
	srv_reply_json(c->call->req, 200,
		       json_pack("{s:b, s:O, s:O}", "dry", c->dry, "groups", c->groups, "notes",
				 c->notes));
	return 0;
}

int srv_layers_handle_post(struct srv_call *call, struct err *err)
{
	const struct srv_value *b = call->body;

	if (!b[B_DOCUMENT].given && !b[B_REMOVE].given) {
		srv_reply_problem(call->req, SRV_BAD_FIELD, "document or remove: one is needed.");
		return 0;
	}
	struct changing c = {.call = call,
			     .findings = json_array(),
			     .notes = json_array(),
			     .groups = json_array(),
			     .dry = b[B_DRY].given && b[B_DRY].number};
	int r = srv_begin(call->conn, err);

	if (r == 0 && (!c.findings || !c.notes || !c.groups))
		r = err_set(err, -ENOMEM, "out of memory");
	if (r == 0)
		r = change(&c, err);
	if (r == 0)
		r = answer(&c, err);
	if (r != 0)
		srv_rollback(call->conn);
	plan_freep(&c.plan);
	srv_rows_free(c.ways);
	json_decref(c.findings);
	json_decref(c.notes);
	json_decref(c.groups);
	return r < 0 ? r : 0;
}
