/* Rows of policies: immutable, signed, a rising serial per group. As store/tokens.h. */
#ifndef SERVER_STORE_POLICIES_H
#define SERVER_STORE_POLICIES_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/digest.h"
#include "common/err.h"
#include "server/db.h"

/* Locks the group against other new policies until the transaction ends. -ENOENT: no such group. */
int srv_policies_lock(struct srv_conn *conn, const char *group, struct err *err) must_check;

enum srv_policy_column {
	SRV_POLICY_GROUP,
	SRV_POLICY_SERIAL,
	SRV_POLICY_ID,
	SRV_POLICY_NAME,
	SRV_POLICY_DIGEST,
	SRV_POLICY_CREATED_BY,
	SRV_POLICY_CREATED,
	SRV_POLICY_DOCUMENT /* of srv_policies_get only */
};
/* scope: store/scope.h.
 * One row or none: the policy with this serial, or with serial 0 the newest of the group. */
int srv_policies_get(struct srv_conn *conn, const char *scope, const char *group, int64_t serial,
		     struct srv_rows **ret_rows, struct err *err) must_check;
/* Newest first within each group; group NULL = all. The list goes on after (after_group, after_serial),
 * where after_group NULL means from the start. */
int srv_policies_list(struct srv_conn *conn, const char *scope, const char *group,
		      const char *after_group, int64_t after_serial, int64_t limit,
		      struct srv_rows **ret_rows, struct err *err) must_check;

/* A new version; everything borrowed. */
struct srv_new_policy {
	const char *group;
	int64_t serial;
	const char *policy_id;
	const char *name; /* of the file it came from */
	const void *document;
	size_t document_bytes;
	const void *envelope;
	size_t envelope_bytes;
	const uint8_t *digest; /* of the envelope */
	const char *created_by;
};
int srv_policies_add(struct srv_conn *conn, const struct srv_new_policy *policy,
		     struct err *err) must_check;

#endif
