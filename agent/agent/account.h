/* The account behind a uid: name, home and groups, as the system's account database says. Plain data. */
#ifndef AGENT_AGENT_ACCOUNT_H
#define AGENT_AGENT_ACCOUNT_H

#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "microvisor/arbiter/access.h"

enum {
	AGENT_GROUPS_MAX = 32
};

struct agent_account {
	uid_t uid;
	gid_t gid;
	char name[MV_NAME_MAX];
	char home[1024]; /* absolute, without a trailing "/" */
	int group_count; /* the primary group first */
	gid_t groups[AGENT_GROUPS_MAX];
};

/* -ENOENT: the uid has no account; -EINVAL: its name or home cannot be used. Groups beyond
 * AGENT_GROUPS_MAX are left out: what they open stays closed. */
int agent_account_find(uid_t uid, struct agent_account *out, struct err *err) must_check;

#endif
