#include "agent/agent/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

static int copy_home(const char *home, char *out, size_t cap)
{
	size_t n = strlen(home);

	while (n > 1 && home[n - 1] == '/')
		n--;
	if (n == 0 || n >= cap || home[0] != '/')
		return -EINVAL;
	memcpy(out, home, n);
	out[n] = '\0';
	return 0;
}

int agent_account_find(uid_t uid, struct agent_account *out, struct err *err)
{
	errno = 0;
	const struct passwd *pw = getpwuid(uid);
	gid_t groups[256];
	int n = 256;

	if (!pw)
		return err_set(err, -ENOENT, "uid %u has no account on this machine", uid);
	*out = (struct agent_account){.uid = uid, .gid = pw->pw_gid};
	if (snprintf(out->name, sizeof(out->name), "%s", pw->pw_name) >= (int)sizeof(out->name) ||
	    copy_home(pw->pw_dir, out->home, sizeof(out->home)) < 0)
		return err_set(err, -EINVAL, "the account's name or home folder cannot be used");
	if (getgrouplist(out->name, out->gid, groups, &n) < 0)
		n = 256; /* more than we look at; the first ones are filled in */
	out->groups[out->group_count++] = out->gid;
	for (int i = 0; i < n && out->group_count < AGENT_GROUPS_MAX; i++)
		if (groups[i] != out->gid)
			out->groups[out->group_count++] = groups[i];
	return 0;
}
