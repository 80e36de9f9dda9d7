/* Rows of approvals, and whether four eyes are asked for at all. As store/tokens.h; a decision belongs into the
 * caller's transaction. */
#ifndef SERVER_STORE_APPROVALS_H
#define SERVER_STORE_APPROVALS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/db.h"

enum {
	SRV_APPROVAL_ID = 37,
	SRV_APPROVERS_NEEDED = 2,         /* people who can agree, before four eyes are asked for */
	SRV_APPROVAL_REVIEW_S = 24 * 3600 /* until an emergency must have been looked at */
};

/* Whether four eyes are asked for: from the moment on that two people who are not disabled are approvers of every
 * group (the schema's trigger sees to it), until they are switched off. */
struct srv_four_eyes {
	bool on;
	int64_t approvers; /* of every group, not disabled */
};
int srv_four_eyes_get(struct srv_conn *conn, struct srv_four_eyes *out, struct err *err) must_check;
int srv_four_eyes_set(struct srv_conn *conn, bool on, struct err *err) must_check;

/* Devices that are not revoked: of the groups of a set ("{a,b}"), and all. ids: a text of all in the groups, in
 * order, for the digest. */
int srv_approvals_devices(struct srv_conn *conn, const char *groups, int64_t *ret_reached,
			  int64_t *ret_all, struct srv_rows **ret_ids, struct err *err) must_check;

/* Borrowed. */
struct srv_new_approval {
	const uint8_t *digest; /* 32 bytes */
	const char *action;
	const char *object;
	const char *summary;
	int64_t devices;
	const char *author;
	const char *author_name;
	const char *concerns;
};
/* The one that waits with this digest by this author, or a new one. */
int srv_approvals_put(struct srv_conn *conn, const struct srv_new_approval *approval,
		      char ret_id[SRV_APPROVAL_ID], struct err *err) must_check;
/* Uses an approval of this digest and author, once. -ENOENT: there is none. */
int srv_approvals_use(struct srv_conn *conn, const uint8_t digest[32], const char *author,
		      struct err *err) must_check;

enum srv_approval_column {
	SRV_APPROVAL_COLUMN_ID,
	SRV_APPROVAL_COLUMN_STATE, /* "expired" too */
	SRV_APPROVAL_COLUMN_DIGEST,
	SRV_APPROVAL_COLUMN_ACTION,
	SRV_APPROVAL_COLUMN_OBJECT,
	SRV_APPROVAL_COLUMN_SUMMARY,
	SRV_APPROVAL_COLUMN_DEVICES,
	SRV_APPROVAL_COLUMN_REASON,
	SRV_APPROVAL_COLUMN_AUTHOR,
	SRV_APPROVAL_COLUMN_AUTHOR_NAME,
	SRV_APPROVAL_COLUMN_CONCERNS,
	SRV_APPROVAL_COLUMN_DECIDED_BY,
	SRV_APPROVAL_COLUMN_MADE,
	SRV_APPROVAL_COLUMN_EXPIRES,
	SRV_APPROVAL_COLUMN_EMERGENCY,
	SRV_APPROVAL_COLUMN_REVIEWED_BY
};
/* Newest first, after that id; with id that one alone. -EINVAL when one of them is no UUID. */
int srv_approvals_list(struct srv_conn *conn, const char *id, const char *after, int64_t limit,
		       struct srv_rows **ret_rows, struct err *err) must_check;
/* Decides one that waits. state: "approved", "refused" or "emergency". -ENOENT: it does not wait any more. */
int srv_approvals_decide(struct srv_conn *conn, const char *id, const char *state,
			 const char *person, const char *name, const char *reason,
			 struct err *err) must_check;
/* Notes that an emergency was looked at. -ENOENT: it was before, or is none. */
int srv_approvals_review(struct srv_conn *conn, const char *id, const char *name,
			 struct err *err) must_check;

#endif
