#include "server/store/policies.h"

#include <errno.h>

#include "server/store/scope.h"

int srv_policies_lock(struct srv_conn *conn, const char *group, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	/* NO KEY: rows that merely refer to the group (devices, tokens) need not wait. */
	int r = srv_query(conn, &rows, err,
			  "SELECT name FROM groups WHERE name = $1 FOR NO KEY UPDATE",
			  SRV_TEXT(group));

	if (r < 0)
		return r;
	return srv_rows_count(rows) ? 0 : err_set(err, -ENOENT, "no group '%s'", group);
}

int srv_policies_get(struct srv_conn *conn, const char *scope, const char *group, int64_t serial,
		     struct srv_rows **ret_rows, struct err *err)
{
	return srv_query(conn, ret_rows, err,
			 "SELECT group_name, serial, policy_id, name, digest, created_by, "
			 "created_at, document FROM policies "
			 "WHERE group_name = $1 AND ($2::int8 = 0 OR serial = $2::int8) "
			 "AND " SRV_IN_SCOPE("group_name", "$3") "ORDER BY serial DESC LIMIT 1",
			 SRV_TEXT(group), SRV_INT(serial), SRV_SCOPE(scope));
}

int srv_policies_list(struct srv_conn *conn, const char *scope, const char *group,
		      const char *after_group, int64_t after_serial, int64_t limit,
		      struct srv_rows **ret_rows, struct err *err)
{
	return srv_query(
		conn, ret_rows, err,
		"SELECT group_name, serial, policy_id, name, digest, created_by, created_at "
		"FROM policies WHERE ($1::text IS NULL OR group_name = $1) AND ($2::text IS NULL "
		"OR "
		"group_name > $2 OR (group_name = $2 AND serial < $3::int8)) "
		"AND " SRV_IN_SCOPE("group_name",
				    "$5") "ORDER BY group_name, serial DESC LIMIT $4::int8",
		SRV_TEXT(group), SRV_TEXT(after_group), SRV_INT(after_serial), SRV_INT(limit),
		SRV_SCOPE(scope));
}

int srv_policies_add(struct srv_conn *conn, const struct srv_new_policy *policy, struct err *err)
{
	return srv_query(
		conn, NULL, err,
		"INSERT INTO policies (group_name, serial, policy_id, name, document, "
		"envelope, digest, created_by) VALUES ($1, $2::int8, $3, $4, $5, $6, $7, $8)",
		SRV_TEXT(policy->group), SRV_INT(policy->serial), SRV_TEXT(policy->policy_id),
		SRV_TEXT(policy->name), SRV_BYTES(policy->document, policy->document_bytes),
		SRV_BYTES(policy->envelope, policy->envelope_bytes),
		SRV_BYTES(policy->digest, DIGEST_BYTES), SRV_TEXT(policy->created_by));
}
