/* The keeper of the policy key: checks what it is asked to sign, and signs.
 *
 * Its folder (mode 0700, own uid) holds policy.key and "serials", the last serial signed for each group.
 * The serial is durable before the signature leaves, so that no crash makes two policies with one serial.
 * One process per folder (a lock is held); one thread. */
#ifndef SERVER_SIGNER_KEEPER_H
#define SERVER_SIGNER_KEEPER_H

#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/sign.h"
#include "server/signer/client.h"
#include "server/signer/vault.h"

enum {
	SRV_KEEPER_GROUPS_MAX = 4096,
	SRV_KEEPER_CLOCK_S = 600 /* how far issued_s may be from the keeper's clock */
};

struct srv_keeper;

/* Makes the folder and its key, sealed unless the passphrase is none (vault.h). -EEXIST when there is a key already:
 * it is never replaced. */
int srv_keeper_init(const char *dir, const struct srv_passphrase *passphrase,
		    uint8_t ret_key[SIGN_KEY_BYTES], struct err *err) must_check;
/* Seals the key of a folder that nobody keeps, or seals it anew: `old` opens it as it is, none when it is in the
 * clear. As srv_vault_load(); -EBUSY; -EINVAL without a new passphrase. */
int srv_keeper_protect(const char *dir, const struct srv_passphrase *old,
		       const struct srv_passphrase *new, struct err *err) must_check;
/* NULL with err: -EBUSY when another process keeps the folder, -EINVAL for a damaged "serials" file, and as
 * srv_vault_load(). */
struct srv_keeper *srv_keeper_open(const char *dir, const struct srv_passphrase *passphrase,
				   struct err *err);
void srv_keeper_close(struct srv_keeper *keeper);
const uint8_t *srv_keeper_key(const struct srv_keeper *keeper);
/* Appends the SignedPolicy. now_s is the clock. -EINVAL: a malformed group, a document that the language
 * refuses, whose tests fail or that has another id, an expiry before the issue, an issue not of now;
 * -ESTALE: the serial is not above *ret_last_serial; -EFBIG; -errno when the serial cannot be kept. */
int srv_keeper_sign(struct srv_keeper *keeper, const struct srv_sign_request *request,
		    uint64_t now_s, struct buf *envelope, uint64_t *ret_last_serial,
		    struct err *err) must_check;

#endif
