/* Asking ampoule-signer, the only holder of the policy key, for a signature.
 *
 * One short connection per question over its unix socket; any thread. The signer believes nothing: it
 * parses the document, runs its tests and checks the serial itself. */
#ifndef SERVER_SIGNER_CLIENT_H
#define SERVER_SIGNER_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/sign.h"

enum {
	SRV_SIGN_TIMEOUT_MS = 10000
};

/* What is to be signed; strings and document are borrowed. */
struct srv_sign_request {
	const char *policy_id; /* must be the document's own id */
	const char *group;
	uint64_t serial;
	uint64_t issued_s;
	uint64_t expires_s;
	const void *document;
	size_t document_bytes;
};

/* Appends the SignedPolicy envelope (proto/policy.proto) to envelope.
 * -ESTALE: serial is not above the last one signed for the group, which *ret_last_serial then tells (a
 * server that died between signing and storing): ask again with *ret_last_serial + 1. -EINVAL: the signer
 * refuses the document, err says why. -ECONNREFUSED and other errno: the signer cannot be reached.
 * -EPROTO: it answers nonsense; -ETIMEDOUT; -ENOMEM. */
int srv_sign_policy(const char *socket_path, const struct srv_sign_request *request,
		    struct buf *envelope, uint64_t *ret_last_serial, struct err *err) must_check;

/* The signer's public key, for enrolment tokens. Errors as above. */
int srv_signer_key(const char *socket_path, uint8_t ret_key[SIGN_KEY_BYTES],
		   struct err *err) must_check;

#endif
