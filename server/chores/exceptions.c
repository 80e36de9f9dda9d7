#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/policy/policy.h"
#include "server/audit.h"
#include "server/chores/chores.h"
#include "server/rest/plan.h"
#include "server/rest/publish.h"
#include "server/store/layers.h"
#include "server/store/policies.h"

/* What has ended is told by "exceptions_ended" in meta: the latest end that was taken care of, in seconds since
 * the epoch. It moves under the lock of the layers, so that no change of them is missed. */

#define ACTOR "ampoule-server"

static void plan_freep(struct srv_plan **plan)
{
	srv_plan_free(*plan);
}

static void policy_freep(struct policy **policy)
{
	policy_free(*policy);
}

/* The latest end that is over and not taken care of; 0 when there is none. */
static int find_ended(struct srv_conn *conn, int64_t now_s, int64_t *ret_until_s, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "SELECT coalesce(max(ceil(extract(epoch FROM until)))::int8, 0) FROM "
			  "layers WHERE kind = 'exception' AND until <= to_timestamp($1::int8) "
			  "AND until > to_timestamp(coalesce((SELECT value::int8 FROM meta "
			  "WHERE key = 'exceptions_ended'), 0))",
			  SRV_INT(now_s));

	if (r == 0)
		*ret_until_s = srv_rows_int(rows, 0, 0);
	return r;
}

static int note_ended(struct srv_conn *conn, int64_t until_s, struct err *err)
{
	return srv_query(conn, NULL, err,
			 "INSERT INTO meta VALUES ('exceptions_ended', $1::int8::text) "
			 "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
			 SRV_INT(until_s));
}

static int write_audit(struct srv_conn *conn, const char *group,
		       const struct srv_published *version, struct err *err)
{
	char became[120];

	(void)snprintf(became, sizeof(became), "{\"group\":\"%s\",\"serial\":%" PRId64 "}", group,
		       version->serial);
	return srv_audit_add(conn,
			     &(struct srv_audit_entry){.actor = ACTOR,
						       .action = "an exception ended",
						       .object = group,
						       .outcome = "done",
						       .became = became},
			     err);
}

/* Signs what is left, unless that is the group's policy already. 1 when it was signed. */
static int sign_group(const struct srv_context *context, struct srv_conn *conn, const char *group,
		      const struct policy_layer *layers, size_t count, struct err *err)
{
	cleanup_(policy_freep) struct policy *policy = NULL;
	cleanup_buf struct buf document = {0};
	struct policy_errors errors = {0};
	struct srv_published version;

	policy = policy_merge(layers, count, &errors);
	if (!policy) {
		/* Whoever changes the layers next is told the same; here nobody listens. */
		log_error("chores: group=%s keeps its policy: %s: %s", group, errors.list[0].path,
			  errors.list[0].text);
		return 0;
	}
	if (policy_join(layers, count, &document) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	struct srv_draft draft = {.group = group,
				  .policy_id = policy_id(policy),
				  .name = "",
				  .document = document.data,
				  .document_bytes = document.len,
				  .created_by = ACTOR};
	int r = srv_policies_lock(conn, group, err);

	if (r == 0)
		r = srv_publish_unasked(conn, context->config->signer_socket, &draft, &version,
					err);
	if (r < 0 || !version.is_new)
		return r;
	log_info("chores: an exception ended group=%s serial=%" PRId64, group, version.serial);
	r = write_audit(conn, group, &version, err);
	return r < 0 ? r : 1;
}

static int sign_groups(const struct srv_context *context, struct srv_conn *conn,
		       const struct srv_plan *plan, const struct srv_rows *ways, size_t *ret_groups,
		       struct err *err)
{
	cleanup_free struct policy_layer *layers = calloc(POLICY_LAYERS_MAX, sizeof(*layers));
	size_t n = srv_rows_count(ways), end;

	if (!layers)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t first = 0; first < n; first = end) {
		const char *group = srv_rows_text(ways, first, SRV_WAY_GROUP);

		for (end = first; end < n; end++) {
			if (strcmp(srv_rows_text(ways, end, SRV_WAY_GROUP), group) != 0)
				break;
		}
		size_t count =
			srv_plan_layers(plan, ways, first, end, (uint64_t)time(NULL), layers);

		if (count == 0 || count > POLICY_LAYERS_MAX)
			continue; /* no layer concerns it, or too many, as was told when it was made */
		int r = sign_group(context, conn, group, layers, count, err);

		if (r < 0)
			return r;
		*ret_groups += (size_t)r;
	}
	return 0;
}

int srv_chore_exceptions(const struct srv_context *context, struct srv_conn *conn,
			 size_t *ret_groups, struct err *err)
{
	cleanup_rows struct srv_rows *stored = NULL;
	cleanup_rows struct srv_rows *ways = NULL;
	cleanup_(plan_freep) struct srv_plan *plan = NULL;
	int64_t until_s = 0;
	int r = find_ended(conn, time(NULL), &until_s, err);

	*ret_groups = 0;
	if (r < 0 || until_s == 0)
		return r;
	r = srv_layers_lock(conn, err);
	if (r == 0)
		r = srv_layers_newest(conn, &stored, err);
	if (r == 0)
		r = srv_plan_new(stored, &plan, err);
	if (r == 0)
		r = srv_groups_ways(conn, &ways, err);
	if (r == 0)
		r = sign_groups(context, conn, plan, ways, ret_groups, err);
	return r == 0 ? note_ended(conn, until_s, err) : r;
}
