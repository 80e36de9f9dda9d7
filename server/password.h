/* Passwords: argon2id (RFC 9106; 64 MiB, 3 passes, 1 lane), and which ones are no good.
 *
 * Hashing takes a third of a second and 64 MiB, so one pool of a process lets SRV_PASSWORDS_AT_ONCE of them run
 * and a few wait; never hold a database connection meanwhile. The pool may be used by any thread. */
#ifndef SERVER_PASSWORD_H
#define SERVER_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "common/err.h"

enum {
	SRV_PASSWORDS_AT_ONCE = 4,
	SRV_PASSWORDS_WAITING = 12,
	SRV_PASSWORD_CHARACTERS_MIN = 12,
	SRV_PASSWORD_BYTES_MAX = 256,
	SRV_PASSWORD_HASH = 128 /* a PHC string, with its NUL */
};

struct srv_passwords;

/* NULL with err. */
struct srv_passwords *srv_passwords_new(struct err *err);
void srv_passwords_free(struct srv_passwords *passwords);
/* -EBUSY: too many at once; -ENOMEM. */
int srv_passwords_hash(struct srv_passwords *passwords, const char *password,
		       char ret_hash[SRV_PASSWORD_HASH], struct err *err) must_check;
/* 0 when password is that of the hash, -EACCES when not; hash NULL (nobody has this name) is always -EACCES and
 * takes as long. -EBUSY and -ENOMEM as above. */
int srv_passwords_verify(struct srv_passwords *passwords, const char *hash, const char *password,
			 struct err *err) must_check;

/* 0 when it may be somebody's password; -EINVAL with what is wrong with it. */
int srv_password_check(const char *password, const char *name, struct err *err) must_check;

#endif
