/* POST /policies: a document becomes the next signed version of its group, or is refused with every
 * finding and its line. Under the group's lock from "which is the newest" to the commit, so serials rise
 * without gaps that matter and two admins cannot both be first. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "server/config.h"
#include "server/hub.h"
#include "server/rest/findings.h"
#include "server/rest/handlers.h"
#include "server/rest/publish.h"
#include "server/store/layers.h"
#include "server/store/policies.h"

enum body {
	B_DOCUMENT,
	B_GROUP,
	B_NAME
};
const struct srv_field srv_policies_body[] = {
	[B_DOCUMENT] = {"document", SRV_FIELD_TEXT, true, 1, POLICY_BYTES_MAX},
	[B_GROUP] = {"group", SRV_FIELD_TEXT, .min = 1, .max = SRV_GROUP_MAX - 1},
	[B_NAME] = {"name", SRV_FIELD_TEXT, .max = 255},
	{NULL},
};

static void policy_freep(struct policy **policy)
{
	policy_free(*policy);
}

/* Everything that may be wrong with a document, in list. NULL when it does not even parse. */
static int check_document(struct srv_call *call, struct policy **ret_policy, json_t *list,
			  struct err *err)
{
	const struct srv_value *document = &call->body[B_DOCUMENT];
	struct policy_errors errors = {0};

	*ret_policy = policy_parse(document->text, document->bytes, &errors);
	int r = *ret_policy ? srv_findings_add_tests(list, *ret_policy)
			    : srv_findings_add_all(list, &errors);

	if (r < 0)
		return err_set(err, -ENOMEM, "out of memory");
	return *ret_policy ? srv_findings_add_images(call, *ret_policy, list, err) : 0;
}

/* Where policies are kept as layers, a document put beside them would be gone at the next change. */
static int refuse_beside_layers(struct srv_call *call, struct err *err)
{
	cleanup_rows struct srv_rows *layers = NULL;
	int r = srv_layers_newest(call->conn, &layers, err);

	if (r < 0 || !srv_rows_count(layers))
		return r;
	srv_reply_problem(call->req, SRV_POLICY_MANAGED,
			  "Policies are kept as layers here: POST /api/v1/layers "
			  "(ampoulectl policy apply --layers).");
	return 1;
}

static json_t *version_json(const struct srv_draft *draft, const struct srv_published *version)
{
	return json_pack("{s:s, s:s, s:I, s:o}", "policy_id", draft->policy_id, "group",
			 draft->group, "serial", (json_int_t)version->serial, "digest",
			 srv_json_digest(version->digest, sizeof(version->digest)));
}

static int store(struct srv_call *call, const struct policy *policy, struct err *err)
{
	const struct srv_value *b = call->body;
	struct srv_draft draft = {.group = b[B_GROUP].given ? b[B_GROUP].text : "default",
				  .policy_id = policy_id(policy),
				  .name = b[B_NAME].given ? b[B_NAME].text : "",
				  .document = b[B_DOCUMENT].text,
				  .document_bytes = b[B_DOCUMENT].bytes,
				  .created_by = call->who.name};
	struct srv_published version = {0};

	if (!srv_groups_has(call->scope, draft.group)) {
		srv_reply_problem(call->req, SRV_BAD_FIELD, "group: there is no such group.");
		return 0;
	}
	int r = srv_begin(call->conn, err);

	if (r < 0)
		return r;
	r = srv_policies_lock(call->conn, draft.group, err);
	bool no_group = r == -ENOENT;

	if (r == 0)
		r = refuse_beside_layers(call, err);
	if (r == 0)
		r = srv_publish(call, &draft, &version, err);
	if (r == 0 && version.is_new)
		r = srv_commit(call->conn, err);
	else
		srv_rollback(call->conn);
	if (no_group)
		srv_reply_problem(call->req, SRV_BAD_FIELD, "group: there is no such group.");
	if (no_group || r > 0)
		return 0;
	if (r < 0)
		return r;
	if (version.is_new) {
		snprintf(call->object, sizeof(call->object), "%s/%" PRId64, draft.group,
			 version.serial);
		call->became = version_json(&draft, &version);
		srv_hub_policy_changed(call->api->context->hub, draft.group,
				       (uint64_t)version.serial);
	}
	srv_reply_json(call->req, version.is_new ? 201 : 200, version_json(&draft, &version));
	return 0;
}

int srv_policies_handle_post(struct srv_call *call, struct err *err)
{
	cleanup_(policy_freep) struct policy *policy = NULL;
	json_t *list = json_array();

	if (!list)
		return err_set(err, -ENOMEM, "out of memory");
	int r = check_document(call, &policy, list, err);
	size_t findings = json_array_size(list);

	if (r < 0 || !findings)
		json_decref(list);
	if (r < 0)
		return r;
	if (findings) {
		srv_reply_findings(call->req, SRV_POLICY_REFUSED, list,
				   "%zu finding%s; nothing was changed.", findings,
				   findings == 1 ? "" : "s");
		return 0;
	}
	return store(call, policy, err);
}
