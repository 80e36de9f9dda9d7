/* The endpoint's key and certificate, in the link's working folder: key.pem and cert.pem, 0600. One
 * thread. */
#ifndef AGENT_LINK_KEY_H
#define AGENT_LINK_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"

/* Makes key.pem (P-256). -EIO, or -errno of writing it. */
int agent_key_make(struct err *err) must_check;
/* Appends a PKCS #10 request, DER, signed by key.pem. Its subject is left to the server. -EIO. */
int agent_key_request(struct buf *out, struct err *err) must_check;
/* Checks that a DER certificate is for key.pem and writes it as cert.pem. -EBADMSG; -errno. */
int agent_key_store_certificate(const void *der, size_t n, struct err *err) must_check;
/* Whether more than half of cert.pem's life is over. False when it cannot be read. */
bool agent_key_is_half_over(void);
/* Whether cert.pem has ended: then it is good for renewing alone. False when it cannot be read. */
bool agent_key_is_over(void);

#endif
