/* An attempt at proving who one is, by password and second factor: for signing in, and for showing it again.
 *
 * It is counted as failed before it is tried and taken back when it was good; a name that nobody has is counted,
 * delayed and hashed for like any other, so that answers and times tell nothing about names. */
#ifndef SERVER_REST_ATTEMPT_H
#define SERVER_REST_ATTEMPT_H

#include "server/rest/route.h"
#include "server/store/people.h"

struct srv_attempt {
	int64_t name_bucket, address_bucket;
	bool known; /* somebody has the name */
	struct srv_person person;
};

/* Counts the attempt and finds the person. Answers when it must wait. Takes a connection of its own. */
int srv_attempt_begin(struct srv_call *call, const char *name, struct srv_attempt *out,
		      struct err *err) must_check;
/* Whether it is the password: 0, -EACCES, or a failure (then the attempt is taken back). Holds no connection:
 * it takes its time. */
int srv_attempt_password(struct srv_call *call, const struct srv_attempt *attempt,
			 const char *password, struct err *err) must_check;
/* Takes a code of the second factor or a recovery code, once, in the caller's transaction. -EACCES when it is
 * neither; 0 for a person without a second factor. */
int srv_attempt_code(struct srv_call *call, struct srv_conn *conn,
		     const struct srv_attempt *attempt, const char *code,
		     struct err *err) must_check;
/* This attempt was no failure; with `all`, those of the name before it are forgotten too. */
int srv_attempt_forgive(struct srv_conn *conn, const struct srv_attempt *attempt, bool all,
			struct err *err);

#endif
