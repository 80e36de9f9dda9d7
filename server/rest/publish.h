/* An effective policy becomes the next signed version of its group. For the thread that holds the request. */
#ifndef SERVER_REST_PUBLISH_H
#define SERVER_REST_PUBLISH_H

#include "common/digest.h"
#include "server/rest/route.h"

struct srv_draft {
	const char *group;
	const char *policy_id;
	const char *name; /* of the file it came from */
	const void *document;
	size_t document_bytes;
	const char *created_by;
};

struct srv_published {
	int64_t serial;
	uint8_t digest[DIGEST_BYTES];
	bool is_new; /* false: it was the group's policy already */
};

/* In a transaction that holds the group (srv_policies_lock): signs and stores the draft, which has been
 * checked, unless it is the newest already. 1: the signer refused or is down, and that has been answered.
 * Else as srv_query(). The hub is told by the caller, after the commit. */
int srv_publish(struct srv_call *call, const struct srv_draft *draft, struct srv_published *ret,
		struct err *err) must_check;

/* The same when no admin waits for an answer: a signer that refuses or is down is a failure like any other. */
int srv_publish_unasked(struct srv_conn *conn, const char *signer_socket,
			const struct srv_draft *draft, struct srv_published *ret,
			struct err *err) must_check;

#endif
