/* Scope-bound release: cleanup_(fn) variables, and taking ownership out of them. */
#ifndef COMMON_CLEANUP_H
#define COMMON_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define cleanup_(fn) __attribute__((cleanup(fn)))
#define must_check   __attribute__((warn_unused_result))

static inline void cleanup_freep(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* A heap pointer, freed when it goes out of scope. Initialise it at its declaration. */
#define cleanup_free cleanup_(cleanup_freep)
/* A descriptor, closed when it goes out of scope; -1 means none. */
#define cleanup_fd cleanup_(cleanup_closep)

/* Hand a descriptor or pointer over: the variable is left empty, so its cleanup does nothing. */
#define take_fd(fd)                \
	__extension__({            \
		int taken_ = (fd); \
		(fd) = -1;         \
		taken_;            \
	})
#define take_ptr(p)                         \
	__extension__({                     \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})

#endif
