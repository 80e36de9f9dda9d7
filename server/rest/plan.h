/* What the layers of the server would be after a change, and which of them are in force for a group.
 *
 * Made from the stored rows and the documents given, which must both outlive it. One thread. */
#ifndef SERVER_REST_PLAN_H
#define SERVER_REST_PLAN_H

#include <jansson.h>

#include "common/policy/policy.h"
#include "server/db.h"

enum {
	SRV_PLAN_DOCUMENTS_MAX = 2048
};

struct srv_plan_document {
	struct policy_head head;
	struct policy_layer
		layer; /* a stored one's name is its id; a given one has none: its lines are the file's */
	const char *managed; /* of what is stored; "none" for a new one */
	bool given;          /* by this change, and not as it is stored */
};

/* Heap; free with srv_plan_free(). */
struct srv_plan {
	struct srv_plan_document *list; /* owned; by id */
	size_t count;
	char removed[MV_NAME_MAX]; /* id of the document taken away; "" */
};

/* The stored layers (srv_layers_newest). -ENOMEM; -EFBIG above SRV_PLAN_DOCUMENTS_MAX; -EBADMSG for a row that
 * the language refuses. */
int srv_plan_new(const struct srv_rows *stored, struct srv_plan **ret_plan,
		 struct err *err) must_check;
void srv_plan_free(struct srv_plan *plan);
/* Puts the documents of a stream in the place of those with their ids; findings go to errors. -EINVAL then. */
int srv_plan_put(struct srv_plan *plan, const char *yaml, size_t n, struct policy_errors *errors,
		 struct err *err) must_check;
/* Takes a document away. -ENOENT: there is none. */
int srv_plan_remove(struct srv_plan *plan, const char *id) must_check;
/* The layers in force for a group in their order: the base, the deltas of the groups of its way (rows first to
 * end of srv_groups_ways), exceptions that have not ended. The number; at most POLICY_LAYERS_MAX are filled. */
size_t srv_plan_layers(const struct srv_plan *plan, const struct srv_rows *ways, size_t first,
		       size_t end, uint64_t now_s, struct policy_layer *layers) must_check;

#endif
