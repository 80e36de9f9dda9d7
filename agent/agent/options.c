#include "agent/agent/options.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int agent_options_init(struct agent_options *options, struct err *err)
{
	*options = (struct agent_options){.state_dir = "/var/lib/ampoule/agent",
					  .run_dir = "/run/ampoule",
					  .link_uid = AGENT_LINK_UID,
					  .link_gid = AGENT_LINK_UID,
					  .boot_limit_ms = AGENT_BOOT_LIMIT_MS,
					  .shells = AGENT_SHELLS_DEFAULT,
					  .vms_max = AGENT_VMS_DEFAULT,
					  .vms_per_user = AGENT_VMS_PER_USER,
					  .grace_ms = AGENT_GRACE_MS};
	ssize_t n = readlink("/proc/self/exe", options->bin_dir, sizeof(options->bin_dir) - 1);

	if (n < 0)
		return err_set(err, -errno, "cannot find my own executable: %m");
	options->bin_dir[n] = '\0';
	*strrchr(options->bin_dir, '/') = '\0';
	const struct passwd *account = getpwnam("ampoule-link");

	if (account) {
		options->link_uid = account->pw_uid;
		options->link_gid = account->pw_gid;
	}
	return 0;
}

int agent_make_folder(const char *path, mode_t mode, struct err *err)
{
	char part[PATH_MAX];

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return err_set(err, -ENAMETOOLONG, "the path of a folder is too long");
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return err_set(err, -errno, "cannot make folder %s: %m", part);
		*p = '/';
	}
	if (mkdir(part, mode) < 0 && errno != EEXIST)
		return err_set(err, -errno, "cannot make folder %s: %m", part);
	return 0;
}
