#include "microvisor/jail/landlock.h"

#include <errno.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "microvisor/vm/log.h"

/* The kernel takes a structure that is longer than its own when the rest is zero, so one serves all
 * versions. Linux Documentation/userspace-api/landlock.rst. */
struct attributes {
	uint64_t files;
	uint64_t ports;  /* ABI 4 */
	uint64_t scopes; /* ABI 6 */
};

/* What each version of the interface learnt to take away: every bit that it has. */
static const struct {
	int abi;
	struct attributes more;
} VERSIONS[] = {
	{1, {.files = 0x1fff}},  /* execute, read, write, make, remove */
	{2, {.files = 1 << 13}}, /* link and rename between folders */
	{3, {.files = 1 << 14}}, /* truncate */
	{4, {.ports = 3}},       /* bind and connect TCP */
	{5, {.files = 1 << 15}}, /* ioctl on a device opened from now on */
	{6, {.scopes = 3}},      /* abstract sockets and signals of others */
};

static struct attributes everything(int abi)
{
	struct attributes all = {0};

	for (size_t i = 0; i < sizeof(VERSIONS) / sizeof(VERSIONS[0]) && VERSIONS[i].abi <= abi;
	     i++) {
		all.files |= VERSIONS[i].more.files;
		all.ports |= VERSIONS[i].more.ports;
		all.scopes |= VERSIONS[i].more.scopes;
	}
	return all;
}

static int allow_reading(int rules, int folder)
{
	struct landlock_path_beneath_attr below = {.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE |
								     LANDLOCK_ACCESS_FS_READ_DIR,
						   .parent_fd = folder};

	return (int)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &below, 0);
}

static int restrict_self(int rules, const int *folders, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (allow_reading(rules, folders[i]) < 0)
			return -1;
	}
	return (int)syscall(SYS_landlock_restrict_self, rules, 0);
}

int mv_landlock_enter(const int *folders, unsigned count)
{
	int abi =
		(int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	/* Not built in, or not among the security modules of the boot line. */
	if (abi < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) {
		mv_log(MV_LOG_WARN,
		       "jail: this kernel has no Landlock, the empty root stands alone");
		return 0;
	}
	struct attributes all = everything(abi);
	int rules = abi < 0 ? -1 : (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	int r = rules < 0 || restrict_self(rules, folders, count) < 0 ? -errno : 0;

	if (r < 0)
		mv_log(MV_LOG_ERROR, "jail: Landlock (ABI %d) cannot be used: %m", abi);
	if (rules >= 0)
		close(rules);
	return r;
}

int mv_landlock_allow(const struct mv_start *start, const int *fds)
{
	int folders[MV_SHARES_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < start->share_count; i++) {
		if (start->shares[i].kind == MV_SHARE_FOLDER)
			folders[n++] = fds[i];
	}
	return mv_landlock_enter(folders, n);
}
