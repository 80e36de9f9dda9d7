/* Routes: what the API can do, who may, and how requests find their handler.
 *
 * routes.c holds the one table. dispatch.c refuses, before a handler sees anything: an unknown path, a
 * wrong method, no token or too small a role, a wrong media type, a body over the limit, an unknown or
 * malformed parameter or field. Handlers run on connection threads. */
#ifndef SERVER_REST_ROUTE_H
#define SERVER_REST_ROUTE_H

#include <jansson.h>
#include <stdatomic.h>
#include <stddef.h>

#include "common/err.h"
#include "server/rest/fields.h"
#include "server/rest/http.h"
#include "server/rest/reply.h"

enum {
	SRV_CALL_PARAM_MAX = 96,
	SRV_CALL_NAME_MAX = 128,
	SRV_CALL_ID_MAX = 37
};

/* Each role may do what the smaller ones may. */
enum srv_role {
	SRV_ROLE_NONE, /* no token needed */
	SRV_ROLE_VIEWER,
	SRV_ROLE_ADMIN
};

/* Who asks: the API token's row. */
struct srv_identity {
	char id[SRV_CALL_ID_MAX];
	char name[SRV_CALL_NAME_MAX];
	enum srv_role role;
};

struct srv_call;

struct srv_route {
	const char *method;
	const char *path; /* one "{name}" at most, a whole component */
	enum srv_role role;
	uint64_t body_max;             /* 0: no body */
	const struct srv_field *query; /* parameters; NULL = none */
	const struct srv_field *body;  /* fields of the JSON body; NULL = none or a stream */
	/* For a body that is no JSON (application/octet-stream): prepares req->sink. */
	int (*begin)(struct srv_call *call, struct err *err);
	/* Answers through reply.h. A negative errno with err becomes a 500 or 503. */
	int (*handle)(struct srv_call *call, struct err *err);
};

/* A request on its way through one route; lives as long as the request. */
struct srv_call {
	const struct srv_api *api;
	struct srv_request *req;
	const struct srv_route *route;
	char param[SRV_CALL_PARAM_MAX]; /* what stood for "{name}" */
	struct srv_identity who;
	struct srv_value query[SRV_FIELDS_MAX];
	struct srv_value body[SRV_FIELDS_MAX];
	json_t *json;              /* owns what body[] points to */
	struct srv_conn *conn;     /* to the database, during handle() of a route with a role */
	struct srv_upload *upload; /* PUT /blobs: owned */
};

/* What every call shares; borrowed for the listener's life. */
struct srv_api {
	const struct srv_context *context;
	const struct srv_route *routes;
	size_t route_count;
	atomic_uint *uploads;              /* running now; see blobs.h */
	const struct srv_console *console; /* what is outside /api; NULL: nothing */
	/* Finds who the Bearer token belongs to: 0, -EACCES when it is none of ours, else a failure. */
	int (*authenticate)(const struct srv_api *api, const char *token,
			    struct srv_identity *ret_who, struct err *err);
};

/* The table of the product. */
extern const struct srv_route srv_routes[];
extern const size_t srv_route_count;

/* "viewer", and back; -EINVAL. */
const char *srv_role_name(enum srv_role role);
int srv_role_parse(const char *name, enum srv_role *ret_role) must_check;

/* Finds the route, or NULL with *ret_status 404 or 405 (then the allowed methods are in allow). */
const struct srv_route *srv_route_find(const struct srv_api *api, const char *method,
				       const char *path, char param[SRV_CALL_PARAM_MAX],
				       enum srv_problem *ret_problem, char *allow, size_t cap);

/* For http.c, with a struct srv_api as context. */
extern const struct srv_http_ops srv_dispatch;

#endif
