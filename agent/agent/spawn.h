/* Starts the agent's children: the link, the helper and the micro-VMs, each with an identity of its own
 * and nothing of the agent's. The agent's thread. */
#ifndef AGENT_AGENT_SPAWN_H
#define AGENT_AGENT_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/err.h"

enum {
	AGENT_SPAWN_FDS_MAX = 4
};

struct agent_spawn {
	const char *folder;      /* of the executable */
	const char *name;        /* of the executable, also argv[0] */
	const char *const *args; /* further arguments, NULL at the end; may be NULL */
	size_t fd_count;
	int fds[AGENT_SPAWN_FDS_MAX]; /* borrowed; they become descriptor 3 and following */
	uid_t uid;
	gid_t gid;
	size_t group_count;
	const gid_t *groups; /* supplementary */
	const char *jail;   /* not NULL: into a jail (jail.h), with this folder as the empty root */
	const char *cgroup; /* not NULL: the folder of the cgroup it joins */
	int oom_score;      /* 0..1000: how gladly the kernel kills it when memory is short */
};

/* 0..1000 for a child that runs. -errno. */
int agent_spawn_set_oom_score(pid_t pid, int score) must_check;

/* The child has these descriptors, /dev/null as stdin and stdout, and stderr; no_new_privs; its own
 * session; no core dumps; it is killed when the agent dies. Returns once it executes. -errno with what failed, in parent or child. */
int agent_spawn(const struct agent_spawn *spawn, pid_t *ret_pid, struct err *err) must_check;
/* The same with one end of a SEQPACKET socket pair as the child's descriptor 3, before spawn's own; the other end, which
 * blocks, is the caller's. */
int agent_spawn_connected(const struct agent_spawn *spawn, pid_t *ret_pid, int *ret_sock,
			  struct err *err) must_check;

#endif
