/* Rows of sessions and login_delays. As store/tokens.h. */
#ifndef SERVER_STORE_SESSIONS_H
#define SERVER_STORE_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/db.h"

enum {
	SRV_SESSION_ID = 37,
	SRV_SESSION_IDLE_S = 15 * 60,
	SRV_SESSION_ABSOLUTE_S = 8 * 3600,
	SRV_PROOF_S = 5 * 60,        /* how long having shown again who one is counts */
	SRV_SESSIONS_PER_PERSON = 20 /* the oldest makes room */
};

struct srv_session {
	char id[SRV_SESSION_ID];
	char person[SRV_SESSION_ID];
	char name[64];
	int64_t expires_us;
	bool proved; /* within SRV_PROOF_S */
};

/* Finds a session that is neither over nor idle for too long, of a person who is not disabled, and notes that it
 * was seen, at most every half minute. -EACCES when there is none. */
int srv_sessions_find(struct srv_conn *conn, const uint8_t hash[32], struct srv_session *out,
		      struct err *err) must_check;
/* Borrowed. */
struct srv_new_session {
	const uint8_t *hash; /* 32 bytes */
	const char *person;
	const char *address;
	const char *agent;
};
/* A new one; fills what the database decides. Removes those that are over. */
int srv_sessions_add(struct srv_conn *conn, const struct srv_new_session *session,
		     struct srv_session *out, struct err *err) must_check;

enum srv_session_column {
	SRV_SESSION_COLUMN_ID,
	SRV_SESSION_COLUMN_PERSON,
	SRV_SESSION_COLUMN_NAME,
	SRV_SESSION_COLUMN_CREATED,
	SRV_SESSION_COLUMN_SEEN,
	SRV_SESSION_COLUMN_EXPIRES,
	SRV_SESSION_COLUMN_ADDRESS,
	SRV_SESSION_COLUMN_AGENT
};
/* Those of a person, of everybody when NULL; by id, after that one. -EINVAL when it is no UUID. */
int srv_sessions_list(struct srv_conn *conn, const char *person, const char *after, int64_t limit,
		      struct srv_rows **ret_rows, struct err *err) must_check;
/* Its person has shown again who it is: the session goes on under another secret. -ENOENT. */
int srv_sessions_prove(struct srv_conn *conn, const char *id, const uint8_t hash[32],
		       struct err *err) must_check;
/* Ends one, of that person when given. -ENOENT. */
int srv_sessions_end(struct srv_conn *conn, const char *id, const char *person,
		     struct err *err) must_check;

/* Counts an attempt in a bucket as failed before it is tried, so that many at once do not slip through. 0 when it
 * may be tried, else the seconds to wait; the first `free` failures of an hour cost nothing, then the wait
 * doubles up to 15 minutes. */
int srv_delays_take(struct srv_conn *conn, int64_t bucket, int64_t free_failures,
		    int64_t *ret_wait_s, struct err *err) must_check;
/* The attempt was no failure: takes it back, or with all every one before it too. */
int srv_delays_give_back(struct srv_conn *conn, int64_t bucket, bool all,
			 struct err *err) must_check;

#endif
