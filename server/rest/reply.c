#include "server/rest/reply.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/digest.h"
#include "common/log.h"

enum {
	RETRY_AFTER_S = 2
};

static const struct {
	const char *code;
	int status;
	const char *title;
} problems[SRV_PROBLEMS] = {
	[SRV_BAD_JSON] = {"bad-json", 400, "The body is not the JSON this needs"},
	[SRV_BAD_PARAMETER] = {"bad-parameter", 400, "A query parameter is wrong"},
	[SRV_BAD_HEAD] = {"bad_head", 400, "Where the body ends is not clear"},
	[SRV_UNAUTHORIZED] = {"unauthorized", 401, "No valid login or token"},
	[SRV_NOT_SIGNED_IN] = {"not_signed_in", 401, "Nobody is signed in"},
	[SRV_LOGIN_REFUSED] = {"login_refused", 401, "Name or password is wrong"},
	[SRV_SECOND_FACTOR_NEEDED] = {"second_factor_needed", 401, "A code is needed too"},
	[SRV_TWO_CREDENTIALS] = {"two_credentials", 400, "A session and a token at once"},
	[SRV_FORBIDDEN] = {"forbidden", 403, "Your role does not allow this"},
	[SRV_CROSS_SITE] = {"cross_site", 403, "This did not come from the console"},
	[SRV_PROOF_NEEDED] = {"proof_needed", 403, "Show again who you are"},
	[SRV_ABOVE_MAKER] = {"above_maker", 403, "That is more than you may do yourself"},
	[SRV_PERSON_EXISTS] = {"person_exists", 409, "This name is taken"},
	[SRV_LAST_ADMIN] = {"last_admin", 409, "Nobody could manage people any more"},
	[SRV_CURSOR_GONE] = {"cursor-gone", 410, "These events are kept no more"},
	[SRV_LINK_USED] = {"link_used", 410, "This link is of no use any more"},
	[SRV_PASSWORD_REFUSED] = {"password_refused", 422, "This password is no good"},
	[SRV_CODE_REFUSED] = {"code_refused", 422, "This code is wrong or was used"},
	[SRV_TOO_MANY] = {"too_many", 429, "Too many requests"},
	[SRV_NOT_FOUND] = {"not-found", 404, "There is no such thing"},
	[SRV_METHOD_NOT_ALLOWED] = {"method-not-allowed", 405, "Not with this method"},
	[SRV_IMAGE_EXISTS] = {"image-exists", 409, "This version of the image is another one"},
	[SRV_BLOB_UNWANTED] = {"blob-unwanted", 409, "No image on the server has such a file"},
	[SRV_NO_KEYS] = {"no-keys", 409, "A key that tokens must carry is missing"},
	[SRV_STALE] = {"stale", 412, "It was changed since you saw it"},
	[SRV_APPROVAL_NEEDED] = {"approval_needed", 409, "A second person must agree"},
	[SRV_APPROVAL_VOID] = {"approval_void", 409, "There is nothing to decide any more"},
	[SRV_OWN_REQUEST] = {"own_request", 403, "It must be somebody else"},
	[SRV_KEY_REUSED] = {"key_reused", 422, "This key was used for another request"},
	[SRV_ALREADY_DONE] = {"already_done", 409, "This was done before"},
	[SRV_BODY_TOO_LARGE] = {"body-too-large", 413, "The body is larger than allowed"},
	[SRV_UNSUPPORTED_MEDIA_TYPE] = {"unsupported-media-type", 415, "Wrong Content-Type"},
	[SRV_BAD_FIELD] = {"bad-field", 422, "A field is wrong"},
	[SRV_POLICY_REFUSED] = {"policy-refused", 422, "The policy is refused"},
	[SRV_POLICY_MANAGED] = {"policy-managed", 409, "The policy is managed elsewhere"},
	[SRV_MANIFEST_REFUSED] = {"manifest-refused", 422, "The image's manifest is refused"},
	[SRV_IMAGE_UNTRUSTED] = {"image-untrusted", 422,
				 "The image is not signed by a trusted key"},
	[SRV_DIGEST_MISMATCH] = {"digest-mismatch", 422, "The bytes are not those of this digest"},
	[SRV_INTERNAL] = {"internal", 500, "The server failed"},
	[SRV_UNAVAILABLE] = {"unavailable", 503, "The server cannot do this now"},
	[SRV_SIGNER_UNAVAILABLE] = {"signer-unavailable", 503, "The signer does not answer"},
};

const char *srv_problem_code(enum srv_problem problem)
{
	assert(problem < SRV_PROBLEMS);
	return problems[problem].code;
}

int srv_problem_status(enum srv_problem problem)
{
	assert(problem < SRV_PROBLEMS);
	return problems[problem].status;
}

static void set_text(struct srv_request *req, int status, const char *type, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	buf_clear(&req->reply);
	req->status = status;
	req->reply_type = type;
	if (!text || buf_put(&req->reply, text, strlen(text)) < 0 ||
	    buf_put_u8(&req->reply, '\n') < 0) {
		buf_clear(&req->reply); /* out of memory: the status alone must do */
		req->status = 500;
		req->reply_type = NULL;
	}
	free(text);
	json_decref(json);
}

void srv_reply_json(struct srv_request *req, int status, json_t *json)
{
	set_text(req, status, "application/json", json);
}

void srv_reply_none(struct srv_request *req)
{
	buf_clear(&req->reply);
	req->status = 204;
	req->reply_type = NULL;
}

static void set_problem(struct srv_request *req, enum srv_problem problem, json_t *errors,
			const char *detail)
{
	char type[96];

	assert(problem < SRV_PROBLEMS);
	snprintf(type, sizeof(type), "urn:ampoule:problem:%s", problems[problem].code);
	json_t *json =
		json_pack("{s:s, s:s, s:i, s:s, s:s, s:s}", "type", type, "title",
			  problems[problem].title, "status", problems[problem].status, "detail",
			  detail, "code", problems[problem].code, "request", req->id);

	if (json && errors && json_object_set(json, "errors", errors) < 0) {
		json_decref(json);
		json = NULL;
	}
	json_decref(errors);
	req->problem = problems[problem].code;
	if (problems[problem].status == 503)
		req->retry_after_s = RETRY_AFTER_S;
	set_text(req, problems[problem].status, "application/problem+json", json);
}

void srv_reply_problem(struct srv_request *req, enum srv_problem problem, const char *fmt, ...)
{
	char detail[640];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(detail, sizeof(detail), fmt, ap); /* a cut detail is still one */
	va_end(ap);
	set_problem(req, problem, NULL, detail);
}

void srv_reply_findings(struct srv_request *req, enum srv_problem problem, json_t *errors,
			const char *fmt, ...)
{
	char detail[640];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(detail, sizeof(detail), fmt, ap); /* a cut detail is still one */
	va_end(ap);
	set_problem(req, problem, errors, detail);
}

void srv_reply_failure(struct srv_request *req, int code, const struct err *err)
{
	bool again = code == -ENOTCONN || code == -EBUSY || code == -EAGAIN || code == -ENOSPC;

	log_error("rest: failed code=%d request=%s: %s", code, req->id, err->text);
	if (again)
		srv_reply_problem(
			req, SRV_UNAVAILABLE,
			"The database or the disk cannot serve this now. Try again; if it "
			"stays so, look for request %s in the server's log.",
			req->id);
	else
		srv_reply_problem(req, SRV_INTERNAL, "Look for request %s in the server's log.",
				  req->id);
}

json_t *srv_json_time(int64_t time_us)
{
	int64_t s = time_us / 1000000, rest_us = time_us % 1000000;
	struct tm tm;
	char date[40], text[64];

	if (!time_us)
		return json_null();
	if (rest_us < 0) {
		rest_us += 1000000;
		s--;
	}
	time_t t = (time_t)s;

	if (!gmtime_r(&t, &tm) || !strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm))
		return json_null();
	snprintf(text, sizeof(text), "%s.%03dZ", date, (int)(rest_us / 1000));
	return json_string(text);
}

json_t *srv_json_digest(const uint8_t *bytes, size_t n)
{
	char hex[DIGEST_HEX];

	if (n != DIGEST_BYTES)
		return json_null();
	digest_hex(bytes, hex);
	return json_string(hex);
}
