/* Rows of layers: the documents of the policy language with their history; and the tree of groups. As
 * store/tokens.h. */
#ifndef SERVER_STORE_LAYERS_H
#define SERVER_STORE_LAYERS_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/db.h"

/* Nobody else stores layers until the transaction ends. */
int srv_layers_lock(struct srv_conn *conn, struct err *err) must_check;

enum srv_layer_column {
	SRV_LAYER_ID,
	SRV_LAYER_REVISION,
	SRV_LAYER_KIND,
	SRV_LAYER_GROUP,
	SRV_LAYER_UNTIL,
	SRV_LAYER_MANAGED,
	SRV_LAYER_CREATED_BY,
	SRV_LAYER_CREATED,
	SRV_LAYER_DOCUMENT /* NULL: taken away */
};
/* The newest revision of each document that is there, by id. */
int srv_layers_newest(struct srv_conn *conn, struct srv_rows **ret_rows,
		      struct err *err) must_check;
/* Every revision of one document, newest first, at most limit. */
int srv_layers_history(struct srv_conn *conn, const char *id, int64_t limit,
		       struct srv_rows **ret_rows, struct err *err) must_check;

/* The next revision of a document; everything borrowed. document NULL takes it away. */
struct srv_new_layer {
	const char *id;
	const char *kind;
	const char *group; /* NULL unless a delta */
	int64_t until_s;   /* 0 unless an exception */
	const char *managed;
	const void *document;
	size_t document_bytes;
	const char *created_by;
};
/* -ENOENT: there is no such group. */
int srv_layers_add(struct srv_conn *conn, const struct srv_new_layer *layer,
		   struct err *err) must_check;

enum srv_way_column {
	SRV_WAY_GROUP,
	SRV_WAY_ABOVE /* the group itself or one above it */
};
/* For each group its way from the root down to itself, in this order. */
int srv_groups_ways(struct srv_conn *conn, struct srv_rows **ret_rows, struct err *err) must_check;
/* Makes the group or moves it in the tree; parent NULL: a root. -EINVAL: it would lie below itself, or the
 * name is none; -ENOENT: no such parent. */
int srv_groups_put(struct srv_conn *conn, const char *name, const char *parent,
		   struct err *err) must_check;
/* (name, parent or NULL) of every group, by name. */
int srv_groups_list(struct srv_conn *conn, struct srv_rows **ret_rows, struct err *err) must_check;
/* (hostname, how many there are) of the group's devices that are not revoked, at most limit, by name. */
int srv_groups_devices(struct srv_conn *conn, const char *group, int64_t limit,
		       struct srv_rows **ret_rows, struct err *err) must_check;
/* (group, hostname) of one device; no row when there is none. */
int srv_groups_of_device(struct srv_conn *conn, const char *device, struct srv_rows **ret_rows,
			 struct err *err) must_check;

#endif
