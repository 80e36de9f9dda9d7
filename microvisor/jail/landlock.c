#include <errno.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "microvisor/jail/jail.h"
#include "microvisor/microvisor.h"
#include "microvisor/vm/log.h"

/* The kernel takes a structure that is longer than its own when the rest is zero, so one serves all
 * versions. Linux Documentation/userspace-api/landlock.rst. */
struct attributes {
	uint64_t files;
	uint64_t ports;  /* ABI 4 */
	uint64_t scopes; /* ABI 6 */
};

/* Every bit that a version of the interface has. Files: 1 execute, read, write, make, remove; 2 link and rename
 * between folders; 3 truncate; 5 ioctl on a device opened from now on. 4: bind and connect TCP. 6: abstract sockets
 * and signals of others. */
static struct attributes everything(int abi)
{
	return (struct attributes){.files = abi >= 5   ? 0xffff
					    : abi >= 3 ? 0x7fff
					    : abi == 2 ? 0x3fff
						       : 0x1fff,
				   .ports = abi >= 4 ? 3 : 0,
				   .scopes = abi >= 6 ? 3 : 0};
}

static const uint64_t READING = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
/* Neither devices nor sockets nor execution; 13 and 14: rename into another folder, truncate. */
static const uint64_t STORING = READING | LANDLOCK_ACCESS_FS_WRITE_FILE |
				LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |
				LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
				1 << 13 | 1 << 14;

static int allow(int rules, int folder, uint64_t rights)
{
	struct landlock_path_beneath_attr below = {.allowed_access = rights, .parent_fd = folder};

	return (int)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &below, 0);
}

static int restrict_self(int rules, const int *folders, unsigned count, int store, uint64_t all)
{
	for (unsigned i = 0; i < count; i++) {
		if (allow(rules, folders[i], READING) < 0)
			return -1;
	}
	if (store >= 0 && allow(rules, store, STORING & all) < 0)
		return -1;
	return (int)syscall(SYS_landlock_restrict_self, rules, 0);
}

int mv_landlock_enter(const int *folders, unsigned count, int store)
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
	int r = rules < 0 || restrict_self(rules, folders, count, store, all.files) < 0 ? -errno
											: 0;

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
	return mv_landlock_enter(folders, n, start->store_bytes_max ? fds[start->share_count] : -1);
}
