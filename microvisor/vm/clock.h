/* The host's clocks, in nanoseconds. Any thread. */
#ifndef MV_VM_CLOCK_H
#define MV_VM_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t mv_clock_ns(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t); /* cannot fail for a clock that every kernel has */
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

#endif
