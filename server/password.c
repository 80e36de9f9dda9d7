#include "server/password.h"

#include <argon2.h>
#include <errno.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	MEMORY_KIB = 64 << 10,
	PASSES = 3,
	LANES = 1,
	SALT = 16,
	TAG = 32
};

struct srv_passwords {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	unsigned running; /* guarded by lock, as the next */
	unsigned waiting;
	char nobody[SRV_PASSWORD_HASH]; /* of a password that nobody knows */
};

static int enter(struct srv_passwords *p, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&p->lock);
	if (p->running == SRV_PASSWORDS_AT_ONCE && p->waiting == SRV_PASSWORDS_WAITING) {
		r = err_set(err, -EBUSY, "too many passwords are being checked");
	} else {
		p->waiting++;
		while (p->running == SRV_PASSWORDS_AT_ONCE)
			pthread_cond_wait(&p->ended, &p->lock);
		p->waiting--;
		p->running++;
	}
	pthread_mutex_unlock(&p->lock);
	return r;
}

static void leave(struct srv_passwords *p)
{
	pthread_mutex_lock(&p->lock);
	p->running--;
	pthread_cond_signal(&p->ended);
	pthread_mutex_unlock(&p->lock);
}

int srv_passwords_hash(struct srv_passwords *passwords, const char *password,
		       char ret_hash[SRV_PASSWORD_HASH], struct err *err)
{
	uint8_t salt[SALT];
	int r = enter(passwords, err);

	if (r < 0)
		return r;
	if (RAND_bytes(salt, sizeof(salt)) != 1)
		r = err_set(err, -EIO, "no random bytes");
	else if (argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, password, strlen(password), salt,
				       sizeof(salt), TAG, ret_hash, SRV_PASSWORD_HASH) != ARGON2_OK)
		r = err_set(err, -ENOMEM, "cannot hash a password");
	leave(passwords);
	return r;
}

int srv_passwords_verify(struct srv_passwords *passwords, const char *hash, const char *password,
			 struct err *err)
{
	int r = enter(passwords, err);

	if (r < 0)
		return r;
	int code = argon2id_verify(hash ? hash : passwords->nobody, password, strlen(password));

	leave(passwords);
	if (code == ARGON2_MEMORY_ALLOCATION_ERROR)
		return err_set(err, -ENOMEM, "cannot hash a password");
	return code == ARGON2_OK && hash ? 0 : err_set(err, -EACCES, "not the password");
}

struct srv_passwords *srv_passwords_new(struct err *err)
{
	struct srv_passwords *p = calloc(1, sizeof(*p));
	uint8_t bytes[32];
	char unknown[sizeof(bytes) + 1];

	if (!p || RAND_bytes(bytes, sizeof(bytes)) != 1) {
		free(p);
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < sizeof(bytes); i++)
		unknown[i] = (char)('!' + bytes[i] % 90);
	unknown[sizeof(bytes)] = '\0';
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->ended, NULL);
	if (srv_passwords_hash(p, unknown, p->nobody, err) < 0) {
		srv_passwords_free(p);
		return NULL;
	}
	return p;
}

void srv_passwords_free(struct srv_passwords *passwords)
{
	if (!passwords)
		return;
	pthread_mutex_destroy(&passwords->lock);
	pthread_cond_destroy(&passwords->ended);
	free(passwords);
}
