/* Who holds an API token or a session, by the database. For srv_api.authenticate and srv_api.resume. */
#ifndef SERVER_REST_AUTH_H
#define SERVER_REST_AUTH_H

#include "server/rest/route.h"

int srv_auth_by_token(const struct srv_api *api, const char *token, struct srv_identity *ret_who,
		      struct err *err) must_check;

int srv_auth_by_cookie(const struct srv_api *api, const char *cookie, struct srv_identity *ret_who,
		       struct err *err) must_check;

#endif
