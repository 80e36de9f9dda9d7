/* Rows of tokens and trusted_keys. Secrets come in as hashes only (server/secret.h). Every function runs
 * on a connection that its thread holds; errors as in server/db.h. */
#ifndef SERVER_STORE_TOKENS_H
#define SERVER_STORE_TOKENS_H

#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/sign.h"
#include "server/db.h"
#include "server/role.h"

enum {
	SRV_TOKEN_ID = 37,
	SRV_TOKEN_NAME = 128,
	SRV_TOKEN_ROLE = 16
};

/* A usable API token. */
struct srv_api_token {
	char id[SRV_TOKEN_ID];
	char name[SRV_TOKEN_NAME];
	char role[SRV_TOKEN_ROLE];
	char groups[SRV_GROUPS_TEXT]; /* a set (server/role.h) */
	char maker[SRV_TOKEN_ID];     /* "" when no person made it */
};

/* Finds the API token with this hash. -EACCES when there is none, it is revoked or expired, or its maker is
 * disabled. Notes the
 * use, at most once a minute, so that a busy token is no hot row. */
int srv_tokens_find_api(struct srv_conn *conn, const uint8_t hash[32], struct srv_api_token *out,
			struct err *err) must_check;

/* What a new token is; strings borrowed. */
struct srv_new_token {
	const char *kind; /* "enrol" or "api" */
	const uint8_t *hash;
	const char *name;
	const char *role;   /* api */
	const char *groups; /* api: a set */
	const char *group;  /* enrol */
	int64_t uses;       /* enrol; 0 = none (api) */
	bool approval;      /* enrol: what joins with it waits for an admin */
	int64_t ttl_s;      /* 0 = for ever (api only) */
	const char *created_by;
	const char *maker; /* api: a person's id; NULL = nobody's */
	const char *
		parent; /* api: the token that makes it, whose end it does not outlive; NULL = none */
};
/* -ENOENT: no such group. */
int srv_tokens_add(struct srv_conn *conn, const struct srv_new_token *token,
		   char ret_id[SRV_TOKEN_ID], struct err *err) must_check;

enum srv_token_column {
	SRV_TOKEN_COLUMN_ID,
	SRV_TOKEN_COLUMN_KIND,
	SRV_TOKEN_COLUMN_NAME,
	SRV_TOKEN_COLUMN_ROLE,
	SRV_TOKEN_COLUMN_GROUP,
	SRV_TOKEN_COLUMN_USES,
	SRV_TOKEN_COLUMN_USES_LEFT,
	SRV_TOKEN_COLUMN_STATE, /* active, used, expired, revoked */
	SRV_TOKEN_COLUMN_EXPIRES,
	SRV_TOKEN_COLUMN_CREATED,
	SRV_TOKEN_COLUMN_CREATED_BY,
	SRV_TOKEN_COLUMN_LAST_USED,
	SRV_TOKEN_COLUMN_GROUPS,
	SRV_TOKEN_COLUMN_APPROVAL
};
/* Whose tokens: those whose groups are all within the scope, and those the person made. */
struct srv_token_filter {
	const char *scope;
	const char *maker; /* NULL = nobody's */
	const char *id;    /* NULL = any */
	const char *after; /* id; NULL = from the first */
	int64_t limit;
};
/* By id. -EINVAL when an id is no UUID. */
int srv_tokens_list(struct srv_conn *conn, const struct srv_token_filter *filter,
		    struct srv_rows **ret_rows, struct err *err) must_check;
/* Revokes the token and those it made. -ENOENT when there is no such token. Twice is fine. */
int srv_tokens_revoke(struct srv_conn *conn, const char *id, struct err *err) must_check;

enum srv_key_column {
	SRV_KEY_COLUMN_KEY,
	SRV_KEY_COLUMN_NOTE,
	SRV_KEY_COLUMN_ADDED
};
/* Keys for a purpose, "policy" or "image", the oldest first. */
int srv_keys_list(struct srv_conn *conn, const char *purpose, struct srv_rows **ret_rows,
		  struct err *err) must_check;
/* *ret_added is false when it was there before. */
int srv_keys_add(struct srv_conn *conn, const char *purpose, const uint8_t key[SIGN_KEY_BYTES],
		 const char *note, bool *ret_added, struct err *err) must_check;

#endif
