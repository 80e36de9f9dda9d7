/* A shell: a clone that is made before anybody asks for it. Its guest has run, so that the pages it needs are
 * there, and waits for its launch message; nothing of any user is in it.
 *
 * MV_MSG_LAUNCH comes (receive, main loop); the vCPU thread, kicked out of the guest, goes under Landlock for
 * the shares and takes them into the view (bind); then the task is launched (go, main loop). So the guest
 * gets no share before the thread that opens names in it can open nothing else. */
#ifndef MV_VM_SHELL_H
#define MV_VM_SHELL_H

#include "microvisor/vm/machine.h"

/* Takes the launch, which waits in the control socket; once. -EPIPE: the agent is gone; -EBADMSG, -errno. */
int mv_shell_receive(struct mv_machine *machine) __attribute__((warn_unused_result));
/* vCPU thread, outside KVM_RUN. What fails ends the machine. */
void mv_shell_bind(struct mv_machine *machine);
/* Launches the task when the shares are bound, and does nothing before that; then it is no shell any more. */
void mv_shell_go(struct mv_machine *machine);

#endif
