/* Where the agent keeps and finds things; set once from the command line. Plain data. */
#ifndef AGENT_AGENT_OPTIONS_H
#define AGENT_AGENT_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/err.h"

enum {
	AGENT_FOLDER_MAX = PATH_MAX - 128, /* so that a folder and a name of ours always fit */
	AGENT_VM_UID_FIRST = 2000000000,   /* a micro-VM runs as this plus its slot */
	AGENT_LINK_UID = 1999999999,       /* of ampoule-link without an account of that name */
	AGENT_BOOT_LIMIT_MS = 90000,
	AGENT_SHELLS_MAX = 32,
	AGENT_SHELLS_DEFAULT = 4,
	AGENT_VMS_MAX = 4096, /* slots: how many uids and gids are set aside for micro-VMs */
	AGENT_VMS_DEFAULT = 512,
	AGENT_VMS_PER_USER = 16,
	AGENT_GRACE_MS = 24 * 3600 * 1000
};

struct agent_options {
	char state_dir[AGENT_FOLDER_MAX];
	char run_dir[AGENT_FOLDER_MAX];
	char bin_dir[AGENT_FOLDER_MAX]; /* ampoule-link, ampoule-helper, ampoule-microvm */
	uid_t link_uid;
	gid_t link_gid;
	uint64_t boot_limit_ms;
	unsigned vms_max; /* that run at once on this machine, at most AGENT_VMS_MAX */
	unsigned vms_per_user;
	unsigned shells;   /* kept ready, at most AGENT_SHELLS_MAX; 0: none */
	uint64_t grace_ms; /* what is not saved is kept so long */
};

/* The defaults: /var/lib/ampoule/agent, /run/ampoule, the folder of this executable, 512 micro-VMs, 16 of
 * one user. -errno. */
int agent_options_init(struct agent_options *options, struct err *err) must_check;
/* Makes the folder and its parents (0755) when missing, and the folder itself mode. -errno. */
int agent_make_folder(const char *path, mode_t mode, struct err *err) must_check;

#endif
