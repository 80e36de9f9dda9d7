/* What a child that becomes a microvm is put into before it executes: namespaces of its own, an empty
 * root, nobody's user namespace, no capabilities. What the microvm then gives up itself is in
 * microvisor/jail/. Called in the child, between fork and exec, in this order. */
#ifndef AGENT_AGENT_JAIL_H
#define AGENT_AGENT_JAIL_H

#include "common/cleanup.h"

/* An empty read-only root, without /proc, and mount, network, IPC and host-name namespaces of its own.
 * Needs root; folder is any folder, which others go on seeing as it is. -1 with errno. */
int agent_jail_root(const char *folder) must_check;
/* Before the identity changes: keeps what agent_jail_user() needs. -1 with errno. */
int agent_jail_prepare_user(void) must_check;
/* A user namespace in which no user exists, so that nobody can become root in it, and no capability in
 * any set. With the child's own identity taken on. -1 with errno. */
int agent_jail_user(void) must_check;

/* The version of Landlock's interface in this kernel, 0 for none. In the agent. */
int agent_jail_landlock_abi(void);

#endif
