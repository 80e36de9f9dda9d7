/* What has versions, for the route table's `current`: see struct srv_route. */
#ifndef SERVER_REST_VERSIONS_H
#define SERVER_REST_VERSIONS_H

#include "server/rest/route.h"

/* A person: name, roles, disabled, second factor; not when it was last seen. */
int srv_version_of_person(struct srv_call *call, char ret_etag[SRV_ETAG_TEXT], struct err *err);
/* The whole tree of groups. */
int srv_version_of_groups(struct srv_call *call, char ret_etag[SRV_ETAG_TEXT], struct err *err);
/* What an admin changes of a device, not what it says of itself. */
int srv_version_of_device(struct srv_call *call, char ret_etag[SRV_ETAG_TEXT], struct err *err);
/* GET: the version shown. POST: the newest of the group. */
int srv_version_of_policy(struct srv_call *call, char ret_etag[SRV_ETAG_TEXT], struct err *err);
/* All layers: a change of one may concern every group. */
int srv_version_of_layers(struct srv_call *call, char ret_etag[SRV_ETAG_TEXT], struct err *err);

#endif
