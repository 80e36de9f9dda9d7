/* Routes: what the API can do, who may, how far they reach, and how requests find their handler.
 *
 * routes.c holds the one table: what is not in it does not exist. dispatch.c refuses, before a handler sees
 * anything: an unknown path, a wrong method, too many requests, a request that another site made, no
 * credential or two, too small a role or reach, a wrong media type, a body over the limit, an unknown or
 * malformed parameter or field. deed.c does what is left in one transaction. Handlers run on connection threads. docs/access.md is printed from the table. */
#ifndef SERVER_REST_ROUTE_H
#define SERVER_REST_ROUTE_H

#include <jansson.h>
#include <stdatomic.h>
#include <stddef.h>

#include "common/err.h"
#include "server/rest/etag.h"
#include "server/rest/fields.h"
#include "server/rest/http.h"
#include "server/rest/reply.h"
#include "server/role.h"

enum {
	SRV_CALL_PARAM_MAX = 96,
	SRV_CALL_NAME_MAX = 128,
	SRV_CALL_ID_MAX = 37
};

/* How a row and device groups meet. The strictest is what a row has that says nothing. */
enum srv_reach {
	SRV_REACH_ALL,    /* concerns every group: a role must reach all of them */
	SRV_REACH_GROUPS, /* the handler narrows everything to call->scope */
	SRV_REACH_SHARED  /* nothing in it belongs to a group */
};

/* Who asks: a person, by a session; or an API token. */
struct srv_identity {
	char id[SRV_CALL_ID_MAX]; /* of the person or the token */
	char name[SRV_CALL_NAME_MAX];
	char person
		[SRV_CALL_ID_MAX]; /* signed in, or the token's maker; "" for a maker-less token */
	char session[SRV_CALL_ID_MAX]; /* "" for a token */
	char token[SRV_CALL_ID_MAX];   /* "" for a person */
	int64_t expires_us;            /* of the session */
	struct srv_grants grants;
};

struct srv_call;

struct srv_route {
	const char *method;
	const char *path;              /* one "{name}" at most, a whole component */
	unsigned roles;                /* a set of enum srv_role; who holds one of them may */
	uint64_t body_max;             /* 0: no body */
	const struct srv_field *query; /* parameters; NULL = none */
	const struct srv_field *body;  /* fields of the JSON body; NULL = none or a stream */
	enum srv_reach reach;
	unsigned
		per_minute; /* requests of one caller (without a role: of one address); 0 = no limit */
	bool people_only; /* tokens are refused */
	bool repeatable;  /* an Idempotency-Key counts (repeat.h) */
	/* The entity tag (etag.h) of what the row gives or changes, as it is now; stays "" when there is none
	 * for this caller. A GET that succeeds is answered with it, a change refused when If-Match does not have
	 * it; a change's is asked in its transaction and must lock the thing. NULL: the row has no versions. */
	int (*current)(struct srv_call *call, char ret_etag[SRV_ETAG_TEXT], struct err *err);
	/* For a body that is no JSON (application/octet-stream): prepares req->sink. */
	int (*begin)(struct srv_call *call, struct err *err);
	/* Work on the body that takes long and needs no database, before a connection is taken. */
	int (*prepare)(struct srv_call *call, struct err *err);
	/* Answers through reply.h. A negative errno with err becomes a 500 or 503. With a method other than
	 * GET it runs in a transaction, which is committed together with the audit row when the answer is no
	 * problem, and undone when it is one. */
	int (*handle)(struct srv_call *call, struct err *err);
};

/* A request on its way through one route; lives as long as the request. */
struct srv_call {
	const struct srv_api *api;
	struct srv_request *req;
	const struct srv_route *route;
	char param[SRV_CALL_PARAM_MAX]; /* what stood for "{name}" */
	struct srv_identity who;
	char scope[SRV_SCOPE_TEXT]; /* the groups that the route's roles reach */
	struct srv_value query[SRV_FIELDS_MAX];
	struct srv_value body[SRV_FIELDS_MAX];
	json_t *json;              /* owns what body[] points to */
	struct srv_conn *conn;     /* to the database, during handle() of a route with a role */
	struct srv_upload *upload; /* PUT /blobs: owned */
	char *prepared;            /* of prepare(), owned: wiped and freed */

	/* For the audit row, set by handlers: what it was done to, and what changed, without secrets. */
	char object[SRV_CALL_NAME_MAX];
	bool again;           /* answered as a request before; nothing was done */
	json_t *was, *became; /* owned; NULL = nothing to say */
};

struct srv_limits;
struct srv_passwords;

/* Made of DIR/ca.key (server/derive.h). */
struct srv_keys {
	uint8_t bucket[32]; /* names the buckets of failed logins */
	uint8_t seal[32];   /* seals second factors */
	uint8_t repeat[32]; /* seals answers that are kept (repeat.h) */
};

/* What every call shares; borrowed for the listener's life. */
struct srv_api {
	const struct srv_context *context;
	const struct srv_route *routes;
	size_t route_count;
	atomic_uint *uploads;              /* running now; see blobs.h */
	struct srv_limits *limits;         /* NULL: none */
	const struct srv_console *console; /* what is outside /api; NULL: nothing */
	struct srv_passwords *passwords;
	const struct srv_keys *keys;
	/* Finds who a Bearer token or a session cookie belongs to: 0, -EACCES when it is none of ours, else a
	 * failure. */
	int (*authenticate)(const struct srv_api *api, const char *token,
			    struct srv_identity *ret_who, struct err *err);
	int (*resume)(const struct srv_api *api, const char *cookie, struct srv_identity *ret_who,
		      struct err *err);
};

/* The table of the product. */
extern const struct srv_route srv_routes[];
extern const size_t srv_route_count;

/* Finds the route, or NULL with *ret_status 404 or 405 (then the allowed methods are in allow). */
const struct srv_route *srv_route_find(const struct srv_api *api, const char *method,
				       const char *path, char param[SRV_CALL_PARAM_MAX],
				       enum srv_problem *ret_problem, char *allow, size_t cap);
/* "viewer, admin" into out: the roles of a set, "none", "any" or "signed-in". */
void srv_route_roles(const struct srv_route *route, char *out, size_t cap);
const char *srv_reach_name(enum srv_reach reach);
/* Whether the request changes something. */
bool srv_route_changes(const struct srv_route *route);

/* For http.c, with a struct srv_api as context. */
extern const struct srv_http_ops srv_dispatch;

#endif
