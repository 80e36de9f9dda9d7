/* What a micro-VM sees of the host's folders: detached, read-only, id-mapped clones of them.
 *
 * A clone has no way out by "..", cannot be written whatever the microvm does, and shows the user's files
 * as the micro-VM's own: the kernel goes on enforcing the user's permissions. The agent's thread. */
#ifndef AGENT_AGENT_SHARES_H
#define AGENT_AGENT_SHARES_H

#include <sys/types.h>

#include "agent/agent/account.h"
#include "common/cleanup.h"
#include "common/err.h"

/* A user namespace that maps the account's uid to vm_uid, and each of its groups to gid_first and
 * following; its descriptor, owned by the caller. -errno. */
int agent_shares_idmap(const struct agent_account *account, uid_t vm_uid, gid_t gid_first,
		       struct err *err) must_check;
/* A clone of the folder behind folder_fd (O_PATH, borrowed); owned by the caller. -EOPNOTSUPP: the file
 * system cannot be id-mapped; -errno. */
int agent_shares_clone(int folder_fd, int idmap_fd, struct err *err) must_check;

#endif
