/* ampoule-signer's socket: one question at a time, from allowed uids only. */
#ifndef SERVER_SIGNER_SERVICE_H
#define SERVER_SIGNER_SERVICE_H

#include <sys/types.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/signer/keeper.h"

enum {
	SRV_SIGNER_PEER_MS = 5000 /* longest wait for a peer that is silent */
};

/* Binds path (mode 0660, owner and group given), replacing a socket left by a process that is gone. The
 * listening descriptor, or -errno with err. */
int srv_signer_listen(const char *path, uid_t owner, gid_t group, struct err *err) must_check;
/* Answers one connection (borrowed) when its peer's uid (SO_PEERCRED) is 0, our own or allowed_uid; logs
 * every signature and refusal. */
void srv_signer_answer(struct srv_keeper *keeper, int sock, uid_t allowed_uid);
/* Serves until accept(2) fails for good, which it tells. */
int srv_signer_serve(struct srv_keeper *keeper, int listener, uid_t allowed_uid) must_check;

#endif
