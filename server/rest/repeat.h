/* Requests that are sent again because their answer was lost: with an Idempotency-Key, the deed is done once and
 * the same answer given again for SRV_REPEAT_S.
 *
 * The key is taken in the deed's transaction: a second request with it waits for the first one and then gets its
 * answer; a deed that is refused leaves no trace and may be tried again. Runs on the thread that holds the call. */
#ifndef SERVER_REST_REPEAT_H
#define SERVER_REST_REPEAT_H

#include "server/rest/route.h"

enum {
	SRV_REPEAT_S = 24 * 3600,
	SRV_REPEAT_KEY_MIN = 16, /* visible characters: a guess must not hit another request's */
	SRV_REPEAT_KEY_MAX = 128,
	SRV_REPEAT_ANSWER_MAX = 256
				<< 10, /* a longer one is not kept: then the client is told so */
	SRV_REPEATS_PER_CALLER = 500   /* the oldest make room */
};

/* Whether the request has a key that counts here. Answers when it has one that is none. */
bool srv_repeat_is_wanted(struct srv_call *call);
/* Takes the key, in the caller's transaction. When it was taken before, gives the answer of then, or a problem. */
int srv_repeat_begin(struct srv_call *call, struct err *err) must_check;
/* Keeps the answer that the call has now, in the same transaction. */
int srv_repeat_keep(struct srv_call *call, struct err *err) must_check;

#endif
