/* The guest's settings: quiet while idle, and made its own when the launch message comes. */
#ifndef INIT_SETUP_H
#define INIT_SETUP_H

#include "golden-image/message/fault.h"
#include "golden-image/message/launch.h"

/* Turns off what wakes an idle guest or dirties its memory (docs: the figures behind each). Settings
 * that this kernel lacks are passed over. Before the switch of root: /sys is read only after it. */
void setup_quiet(void);
/* Moves what is in use together, so that what is free lies together too. */
void setup_compact(void);
/* Brings up lo. */
int setup_loopback(struct fault *fault) __attribute__((warn_unused_result));
/* Entropy first, then the clock, and host name, machine id and boot id drawn from it: until now there was
 * nothing in this guest that another clone may not have too. */
int setup_launch(const struct launch *launch, struct fault *fault)
	__attribute__((warn_unused_result));
/* Mounts the view, in which there is nothing yet, and takes it away: a rehearsal. */
int setup_try_view(struct fault *fault) __attribute__((warn_unused_result));
/* Mounts the view and binds each of its roots; nothing to do without mounts. */
int setup_view(const struct launch *launch, struct fault *fault)
	__attribute__((warn_unused_result));

#endif
