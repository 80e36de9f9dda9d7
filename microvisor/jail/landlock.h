/* Landlock: the files of the shared folders may be opened for reading, and no other file at all.
 *
 * Called by the one thread of the process when the shares are known; the threads made later inherit it. In a
 * shell, where they become known late, each thread calls it for itself: vm/shell.c. */
#ifndef MV_JAIL_LANDLOCK_H
#define MV_JAIL_LANDLOCK_H

#include "microvisor/microvisor.h"

/* What is open already stays usable. Takes away, as far as the kernel knows them, every right on files,
 * TCP ports, abstract sockets and signals, save reading below the given folders (descriptors, borrowed).
 * 0, also where the kernel has no Landlock: then a warning in the log says so. -errno, logged, when it has
 * Landlock and this fails. */
int mv_landlock_enter(const int *folders, unsigned count) __attribute__((warn_unused_result));
/* The same for the folders among a start message's shares, whose descriptors begin at fds. */
int mv_landlock_allow(const struct mv_start *start, const int *fds)
	__attribute__((warn_unused_result));

#endif
