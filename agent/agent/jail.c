#include "agent/agent/jail.h"

#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* System calls only: the child shares its parent's memory image as it was at the fork.
 *
 * The mount namespace belongs to the host's user namespace, the process to its own: even a process that
 * got every capability of its namespace could not mount or unmount anything. */

int agent_jail_root(const char *folder)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return -1;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	if (mount("ampoule", folder, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "size=4096,nr_inodes=4,mode=0555") < 0)
		return -1;
	if (chdir(folder) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return -1;
	/* The old root goes with this, and every descriptor-less way back to it. */
	if (umount2(".", MNT_DETACH) < 0)
		return -1;
	return mount(NULL, "/", NULL,
		     MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

static int set_capabilities(uint32_t low)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {
		{.effective = low, .permitted = low}};

	return (int)syscall(SYS_capset, &header, sets);
}

int agent_jail_prepare_user(void)
{
	return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
}

int agent_jail_user(void)
{
	/* Also where the host lets only root make user namespaces. */
	if (set_capabilities(1u << CAP_SYS_ADMIN) < 0 || unshare(CLONE_NEWUSER) < 0)
		return -1;
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -1;
	}
	return set_capabilities(0);
}

int agent_jail_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? 0 : (int)abi;
}
