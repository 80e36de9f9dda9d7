/* What a saved file keeps of the version before: owner, group, mode, ACL and user attributes. One thread. */
#ifndef AGENT_HELPER_ATTRIBUTES_H
#define AGENT_HELPER_ATTRIBUTES_H

#include <stdint.h>
#include <sys/stat.h>

#include "common/cleanup.h"

/* Makes fd's file look like the old one. Bits above 0777 are not kept: the content is another's now. -EPERM:
 * the user cannot give the file its owner or group back; -errno. */
int helper_keep_attributes(int fd, int old_fd, const struct stat *old) must_check;
/* Sets the time of the last change; 0 or one that is not between 1970 and now: now. */
int helper_set_time(int fd, int64_t mtime_ns) must_check;

#endif
