/* The jailed child that becomes ampoule-microvm, and the launch message of its guest. */
#ifndef TESTS_SUPPORT_DRIVE_LAUNCH_H
#define TESTS_SUPPORT_DRIVE_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Forks and executes program as the agent does: a session, an empty mount namespace, the uid, no new
 * privileges, only stderr and the control socket. The process id; exits with a message on failure. */
pid_t launch_microvm(const char *program, uid_t uid, int control);

/* A folder as a share, or to be written: a detached clone of its mount. A descriptor; exits on failure. */
int launch_clone_folder(const char *path, bool writable);
/* A store for changes (microvisor/delta.h), which uid may write: the folder is made. As above. */
int launch_make_store(const char *path, uid_t uid);

/* The launch message (microvisor/guest.h) for argv and mounts, both ending in NULL; on the heap. */
void *launch_message(char *const *argv, char *const *mounts, uint32_t uid, uint32_t processes,
		     size_t *ret_n);

/* A sealed memory file with these bytes; a file of a folder. Descriptors; exit on failure. */
int launch_seal(const char *name, const void *bytes, size_t n);
int launch_open_in(const char *folder, const char *name, int flags);

#endif
