/* The launch message (microvisor/guest.h) as init uses it: checked once, then plain C strings. */
#ifndef MESSAGE_LAUNCH_H
#define MESSAGE_LAUNCH_H

#include <stddef.h>
#include <stdint.h>

#include "golden-image/message/fault.h"
#include "microvisor/guest.h"

enum {
	LAUNCH_MOUNTS_MAX = 16
};

/* Plain data; every pointer is into the message that launch_parse() was given. */
struct launch {
	uint32_t uid;
	uint32_t processes; /* at once; 0: no limit */
	uint64_t wall_clock_ns;
	uint8_t entropy[MV_ENTROPY_BYTES];
	char *argv[MV_LAUNCH_STRINGS_MAX + 1]; /* NULL-terminated, at least one */
	char *envp[MV_LAUNCH_STRINGS_MAX + 1]; /* NULL-terminated */
	const char *cwd;                       /* absolute */
	unsigned mountc;
	const char *mounts[LAUNCH_MOUNTS_MAX]; /* "/" and one name */
};

/* Checks the message of n bytes and ends its strings in place, so bytes must have room for n + 1.
 * 0, or -EINVAL and the reason: a wrong magic, length or count, a string with NUL, an argv[0] or
 * working folder that is not absolute, an environment entry without a name, a view root that is not
 * one component, a clock beyond the year 2261. */
int launch_parse(uint8_t *bytes, size_t n, struct launch *out, struct fault *fault)
	__attribute__((warn_unused_result));

#endif
