/* The policy key on disk: in the clear (64 digits, mode 0600), or sealed by a passphrase.
 *
 * A sealed file is one line: "ampoule-sealed-key-1 SALT SEALED\n", in hexadecimal digits. The passphrase becomes a key
 * by argon2id (64 MiB, 3 passes), which seals with AES-256-GCM. It is read from a file and never from an argument or
 * a person, so that a reboot needs nobody: with systemd the file is a credential
 * (LoadCredentialEncrypted=ampoule-signer.passphrase), bound to this machine's TPM or root's secret. One thread. */
#ifndef SERVER_SIGNER_VAULT_H
#define SERVER_SIGNER_VAULT_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/sign.h"

#define SRV_VAULT_CREDENTIAL "ampoule-signer.passphrase"

enum {
	SRV_PASSPHRASE_MIN = 12,
	SRV_PASSPHRASE_MAX = 1024
};

/* n == 0: there is none. Wiped by its owner. */
struct srv_passphrase {
	size_t n;
	uint8_t bytes[SRV_PASSPHRASE_MAX];
};

/* Reads a passphrase: the file without one newline at its end. path NULL: systemd's credential, when there is one.
 * -EINVAL: too short or too long; -errno. */
int srv_passphrase_read(const char *path, struct srv_passphrase *out, struct err *err) must_check;

/* Writes the key, sealed unless there is no passphrase. -errno. */
int srv_vault_save(const char *path, const uint8_t secret[SIGN_SECRET_BYTES],
		   const struct srv_passphrase *passphrase, struct err *err) must_check;
/* Reads it, sealed or not. -ENOKEY: sealed, and there is no passphrase; -EKEYREJECTED: another passphrase, or a file
 * that was changed; -EPERM, -EINVAL as sign_load_secret(). */
int srv_vault_load(const char *path, const struct srv_passphrase *passphrase,
		   uint8_t secret[SIGN_SECRET_BYTES], struct err *err) must_check;

#endif
