/* Waiting until devices have applied what was signed for them. One thread. */
#ifndef SERVER_CTL_WAIT_H
#define SERVER_CTL_WAIT_H

#include <jansson.h>

#include "server/ctl/ctl.h"

/* Waits until each connected device of the groups (an array of {group, serial}, taken) has applied its group's
 * serial or says that it cannot; tells how far they are whenever that changes, and in the end who failed, and why.
 * CTL_FAILED when one failed, or the time is over. */
enum ctl_exit ctl_wait_applied(struct ctl_call *call, json_t *groups,
			       long long timeout_s) must_check;

#endif
