/* Rows of people, grants, recovery_codes and setup_links. As store/tokens.h. Functions that change several rows
 * belong into the caller's transaction. */
#ifndef SERVER_STORE_PEOPLE_H
#define SERVER_STORE_PEOPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/db.h"
#include "server/role.h"

enum {
	SRV_PERSON_ID = 37,
	SRV_PERSON_NAME = 64,
	SRV_PERSON_HASH = 128
};

enum srv_person_column {
	SRV_PERSON_COLUMN_ID,
	SRV_PERSON_COLUMN_NAME,
	SRV_PERSON_COLUMN_DISABLED,
	SRV_PERSON_COLUMN_TOTP,
	SRV_PERSON_COLUMN_CREATED,
	SRV_PERSON_COLUMN_CREATED_BY,
	SRV_PERSON_COLUMN_LAST_SEEN
};
/* By name, after that name (NULL: from the first); with id that one alone. -EINVAL when id is no UUID. */
int srv_people_list(struct srv_conn *conn, const char *id, const char *after, int64_t limit,
		    struct srv_rows **ret_rows, struct err *err) must_check;

/* Nobody else changes the person until the transaction ends. -ENOENT; a bad id is -ENOENT too. */
int srv_people_lock(struct srv_conn *conn, const char *id, struct err *err) must_check;

/* What a login looks at. */
struct srv_person {
	char id[SRV_PERSON_ID];
	char name[SRV_PERSON_NAME];
	char hash[SRV_PERSON_HASH];
	bool disabled;
	bool has_totp;
};
/* By name or, when that is NULL, by id. -ENOENT. */
int srv_people_find(struct srv_conn *conn, const char *name, const char *id, struct srv_person *out,
		    struct err *err) must_check;
/* Adds what a person may do to grants. */
int srv_people_grants(struct srv_conn *conn, const char *id, struct srv_grants *grants,
		      struct err *err) must_check;

/* -EEXIST: the name is taken; -EINVAL: it is no name. */
int srv_people_add(struct srv_conn *conn, const char *name, const char *hash,
		   const char *created_by, char ret_id[SRV_PERSON_ID], struct err *err) must_check;
/* Replaces them. -ENOENT: one of the groups is not there. */
int srv_people_set_grants(struct srv_conn *conn, const char *id, const struct srv_grants *grants,
			  struct err *err) must_check;
/* Disabling ends every session. */
int srv_people_disable(struct srv_conn *conn, const char *id, bool disabled,
		       struct err *err) must_check;
/* Ends every session but the one with this id (NULL: every one). */
int srv_people_set_password(struct srv_conn *conn, const char *id, const char *hash,
			    const char *but_session, struct err *err) must_check;
int srv_people_delete(struct srv_conn *conn, const char *id, struct err *err) must_check;
/* Whether somebody who is not disabled is admin of every group. Locks such grants until the transaction ends, so
 * that two cannot remove each other. */
int srv_people_has_admin(struct srv_conn *conn, bool *ret_has, struct err *err) must_check;

/* The second factor; secrets are sealed (server/derive.h). */
int srv_people_totp(struct srv_conn *conn, const char *id, bool pending, struct srv_rows **ret_rows,
		    struct err *err) must_check;
int srv_people_totp_start(struct srv_conn *conn, const char *id, const void *sealed, size_t n,
			  struct err *err) must_check;
/* Pending becomes true, recovery codes are replaced. */
int srv_people_totp_confirm(struct srv_conn *conn, const char *id, const uint8_t (*hashes)[32],
			    size_t count, struct err *err) must_check;
int srv_people_totp_remove(struct srv_conn *conn, const char *id, struct err *err) must_check;
/* Takes a step, once: -EACCES when it or a later one was taken. */
int srv_people_totp_use(struct srv_conn *conn, const char *id, int64_t step,
			struct err *err) must_check;
/* Takes a recovery code, once: -EACCES when there is none such. */
int srv_people_recovery_use(struct srv_conn *conn, const char *id, const uint8_t hash[32],
			    struct err *err) must_check;

int srv_links_add(struct srv_conn *conn, const uint8_t hash[32], int64_t ttl_s,
		  struct err *err) must_check;
/* Whether it would do; srv_links_use() takes it, once. -EACCES when it does not. */
int srv_links_find(struct srv_conn *conn, const uint8_t hash[32], struct err *err) must_check;
int srv_links_use(struct srv_conn *conn, const uint8_t hash[32], struct err *err) must_check;

#endif
