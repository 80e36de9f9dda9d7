/* The login: which server, which CA, which token. In $XDG_CONFIG_HOME/ampoule/ (or ~/.config/ampoule/):
 * login.json {"server", "token"} and ca.pem, both 0600. The token is an API token, or the session of who logged
 * in with a password ("ampoule_session_..."). One thread. */
#ifndef SERVER_CTL_PROFILE_H
#define SERVER_CTL_PROFILE_H

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"

enum {
	CTL_SERVER_MAX = 300,
	CTL_TOKEN_MAX = 128,
	CTL_PATH_MAX = 1024,
	CTL_CA_MAX = 256 << 10
};

struct ctl_profile {
	char server[CTL_SERVER_MAX]; /* "https://host:port", no slash behind it */
	char token[CTL_TOKEN_MAX];
	struct buf ca; /* PEM; owned */
};

void ctl_profile_release(struct ctl_profile *profile);
/* -ENOENT: nobody logged in; -EPERM: others may read the token; -EINVAL: not ours. */
int ctl_profile_load(struct ctl_profile *out, struct err *err) must_check;
int ctl_profile_save(const struct ctl_profile *profile, struct err *err) must_check;
/* Takes "https://host[:port]", with or without "/" behind it. -EINVAL for anything else. */
int ctl_profile_set_server(struct ctl_profile *profile, const char *url,
			   struct err *err) must_check;
/* Takes a token with white space around it. -EINVAL: empty, too long, or not printable ASCII. */
int ctl_profile_set_token(struct ctl_profile *profile, const char *text, size_t n,
			  struct err *err) must_check;

/* Small facts that a command remembers, in a file of that name in the same folder. Loading one that is not there
 * gives an empty buffer. */
int ctl_profile_load_note(const char *name, struct buf *out, struct err *err) must_check;
int ctl_profile_save_note(const char *name, const void *bytes, size_t n,
			  struct err *err) must_check;

#endif
