/* One checked request to run a task: what the caller's message said, copied once, and the files that
 * came as descriptors with the paths the kernel gives them.
 *
 * Nothing here opens a path. The agent's thread. */
#ifndef AGENT_AGENT_REQUEST_H
#define AGENT_AGENT_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "agent/agent/account.h"
#include "agent/socket.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/policy/policy.h"

struct agent_file {
	int fd;     /* owned; -1 when handed over */
	char *path; /* owned */
};

struct agent_request {
	struct agent_account account;
	uint32_t flags;
	size_t argc;
	size_t envc;
	size_t file_count;
	const char *argv[AGENT_ARGS_MAX]; /* into strings, or a file's path */
	const char *env[AGENT_ENV_MAX];   /* into strings */
	const char *cwd;                  /* into strings */
	int stdio[AGENT_RUN_FDS];         /* owned; -1 when handed over */
	struct agent_file files[AGENT_FILES_MAX];
	char strings[]; /* as long as they are: a request lives as long as its micro-VM */
};

/* Checks a message and its descriptors. Takes the descriptors, also on error. Heap, freed with
 * agent_request_free(). -EBADMSG: not a request as `ampoule` makes it; -EPERM with the reason: a file
 * that may not be given; -ENOENT: no account. */
int agent_request_parse(const struct agent_req_run *message, const int *fds, size_t nfds, uid_t uid,
			struct agent_request **ret_request, struct err *err) must_check;
void agent_request_free(struct agent_request *request);

/* The policy's view of the request; borrows from it. program is the guest path, may be NULL yet. */
void agent_request_facts(const struct agent_request *request, const char *program,
			 struct policy_request *out);

/* The canonical path of a file the caller opened, for reading only and regular, below a view root.
 * -EPERM with the reason in err. */
int agent_request_file_path(int fd, char out[MV_PATH_MAX], struct err *err) must_check;

#endif
