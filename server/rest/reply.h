/* Answers: JSON, and problems as RFC 9457 describes them. For the thread that holds the request.
 *
 * A problem is {"type": "urn:ampoule:problem:CODE", "title", "status", "detail", "code", "request"};
 * codes are stable, the table in reply.c is all there are, and docs/problems.md has a section for each. */
#ifndef SERVER_REST_REPLY_H
#define SERVER_REST_REPLY_H

#include <jansson.h>
#include <stdint.h>

#include "common/err.h"
#include "server/rest/http.h"

enum srv_problem {
	SRV_BAD_JSON,
	SRV_BAD_PARAMETER,
	SRV_BAD_HEAD,
	SRV_UNAUTHORIZED,
	SRV_NOT_SIGNED_IN,
	SRV_LOGIN_REFUSED,
	SRV_SECOND_FACTOR_NEEDED,
	SRV_TWO_CREDENTIALS,
	SRV_CROSS_SITE,
	SRV_PROOF_NEEDED,
	SRV_TOO_MANY,
	SRV_LINK_USED,
	SRV_CURSOR_GONE,
	SRV_PERSON_EXISTS,
	SRV_LAST_ADMIN,
	SRV_ABOVE_MAKER,
	SRV_PASSWORD_REFUSED,
	SRV_CODE_REFUSED,
	SRV_FORBIDDEN,
	SRV_NOT_FOUND,
	SRV_METHOD_NOT_ALLOWED,
	SRV_BODY_TOO_LARGE,
	SRV_UNSUPPORTED_MEDIA_TYPE,
	SRV_BAD_FIELD,
	SRV_POLICY_REFUSED,
	SRV_POLICY_MANAGED,
	SRV_MANIFEST_REFUSED,
	SRV_IMAGE_UNTRUSTED,
	SRV_IMAGE_EXISTS,
	SRV_BLOB_UNWANTED,
	SRV_DIGEST_MISMATCH,
	SRV_NO_KEYS,
	SRV_STALE,
	SRV_APPROVAL_NEEDED,
	SRV_APPROVAL_VOID,
	SRV_OWN_REQUEST,
	SRV_KEY_REUSED,
	SRV_ALREADY_DONE,
	SRV_SIGNER_UNAVAILABLE,
	SRV_UNAVAILABLE,
	SRV_INTERNAL,
	SRV_PROBLEMS
};

/* "policy-refused" and its status. */
const char *srv_problem_code(enum srv_problem problem);
int srv_problem_status(enum srv_problem problem);

/* Answers with a JSON text; takes json, and NULL (out of memory while it was made) gives a 500. */
void srv_reply_json(struct srv_request *req, int status, json_t *json);
/* 204. */
void srv_reply_none(struct srv_request *req);
/* Answers with a problem; the detail says what was wrong and what would be right. An answer that is
 * there already is replaced. */
void srv_reply_problem(struct srv_request *req, enum srv_problem problem, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with a list of findings, which it takes: [{"line", "column", "path", "text"}]. */
void srv_reply_findings(struct srv_request *req, enum srv_problem problem, json_t *errors,
			const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Answers for a negative errno that a handler did not foresee: 503 when trying again may help, else 500.
 * Logs err; the client is told the request's id, not our insides. */
void srv_reply_failure(struct srv_request *req, int code, const struct err *err);

/* "2026-11-23T00:00:00.123Z" from microseconds since the epoch; JSON null for 0. */
json_t *srv_json_time(int64_t time_us);
/* 64 hex digits; JSON null unless n is 32. */
json_t *srv_json_digest(const uint8_t *bytes, size_t n);

#endif
