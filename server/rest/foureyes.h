/* Four eyes: what one person asks for and another must agree to.
 *
 * A row of the route table says with `eyes` what it needs them for. A request that needs them is answered with the
 * problem approval_needed and waits; when somebody else has agreed, its author sends the same again and it is done,
 * once. What was agreed to is a digest of the request, of the version of what it changes and of the devices it
 * reaches: whatever changes makes it another request. The maker of a token is the author of what it asks. */
#ifndef SERVER_REST_FOUREYES_H
#define SERVER_REST_FOUREYES_H

#include "server/rest/route.h"

enum {
	SRV_EYES_PERCENT = 25 /* of all devices: a policy that reaches more needs four eyes */
};

/* Whether the request may go on, in its transaction. Answers approval_needed when it may not; the caller then
 * keeps the request with srv_eyes_keep(), in a transaction of its own: the request's is undone. */
int srv_eyes_check(struct srv_call *call, struct err *err) must_check;
int srv_eyes_keep(struct srv_call *call, struct err *err) must_check;

/* For the route table's `eyes`: see struct srv_route. */
int srv_eyes_always(struct srv_call *call, struct err *err);
int srv_eyes_person(struct srv_call *call, struct err *err); /* unless somebody is only disabled */
int srv_eyes_password(struct srv_call *call, struct err *err); /* another's */
int srv_eyes_policy(struct srv_call *call, struct err *err);   /* above SRV_EYES_PERCENT */
int srv_eyes_layers(struct srv_call *call, struct err *err);   /* the same */
int srv_eyes_switch(struct srv_call *call, struct err *err);   /* off */

#endif
