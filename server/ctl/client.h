/* HTTPS to the server: the one wrapper of libcurl. One request at a time, on one kept connection. */
#ifndef SERVER_CTL_CLIENT_H
#define SERVER_CTL_CLIENT_H

#include <jansson.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/ctl/profile.h"

enum {
	CTL_ANSWER_MAX = 64 << 20
};

struct ctl_client;

/* What came back; release with ctl_answer_release(). */
struct ctl_answer {
	long status;
	json_t *json; /* NULL when there was none */
};
void ctl_answer_release(struct ctl_answer *answer);

/* Takes the profile's content. NULL with err. */
struct ctl_client *ctl_client_new(struct ctl_profile *profile, struct err *err);
void ctl_client_close(struct ctl_client *client);
/* The session that an answer gave (Set-Cookie), "" when none did. */
const char *ctl_client_session(const struct ctl_client *client);
const char *ctl_client_server(const struct ctl_client *client);

/* The next request is done only if what the last answer showed is still that (If-Match with its ETag). */
void ctl_client_match_last(struct ctl_client *client);

/* Sends a request below /api/v1 ("/devices?limit=1") with a JSON body (taken; NULL = none).
 * -EHOSTUNREACH with the reason when no answer came, -EPROTO when it was none of a server of ours. A POST has an
 * Idempotency-Key and is sent once more when the connection broke before an answer came. */
int ctl_client_send(struct ctl_client *client, const char *method, const char *path, json_t *body,
		    struct ctl_answer *answer, struct err *err) must_check;

/* Called now and then during an upload. */
typedef void (*ctl_progress)(void *cls, uint64_t sent, uint64_t total);
/* PUTs `bytes` bytes of fd from its present offset; as above. */
int ctl_client_upload(struct ctl_client *client, const char *path, int fd, uint64_t bytes,
		      ctl_progress progress, void *cls, struct ctl_answer *answer,
		      struct err *err) must_check;

#endif
