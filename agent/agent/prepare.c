#include "agent/agent/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The key goes first: whatever stops us afterwards, no copy can be this endpoint. */
static const char *const files[] = {
	"link/key.pem", "link/cert.pem", "identity.json", "policy.envelope",
	"spool.db",     "spool.db-wal",  "spool.db-shm",  "spool.db.bad",
};

static int sync_folder(int parent, const char *name)
{
	cleanup_fd int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	return fsync(fd) < 0 ? -errno : 0;
}

int agent_prepare_image(const char *state_dir, struct err *err)
{
	cleanup_fd int fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, -errno, "cannot open %s: %m", state_dir);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (unlinkat(fd, files[i], 0) < 0 && errno != ENOENT)
			return err_set(err, -errno, "cannot remove %s/%s: %m", state_dir, files[i]);
	}
	int r = sync_folder(fd, "link");

	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r < 0 ? err_set(err, r, "cannot sync %s: %s", state_dir, strerror(-r)) : 0;
}
