#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "microvisor/jail/jail.h"
#include "microvisor/microvisor.h"
#include "microvisor/view/view.h"
#include "microvisor/vm/control.h"
#include "microvisor/vm/log.h"
#include "microvisor/vm/machine.h"

/* ampoule-microvm: one micro-VM, from the start message on MV_CONTROL_FD to its end.
 *
 * It opens nothing by path: all it will ever touch came with the start message. Whatever happens, the
 * agent is told by MV_MSG_EXIT; the exit status is 0 when a machine ran, 1 when none could be made. */

enum {
	/* Besides the view's: control, log, /dev/kvm, VM, vCPU, eventfds, stdio, and what START brings. */
	OTHER_FDS = 64
};

static int tell_failure(int r)
{
	const struct mv_msg msg = {
		.type = MV_MSG_EXIT, .value = MV_END_ERROR, .detail = (uint32_t)-r};

	if (mv_control_send(MV_CONTROL_FD, &msg, sizeof(msg)) < 0)
		mv_log(MV_LOG_WARN, "control: cannot tell the failure: %m");
	return EXIT_FAILURE;
}

static int receive_and_make(struct mv_machine **ret_machine)
{
	struct mv_start *start = calloc(1, sizeof(*start));
	int fds[MV_START_FDS_MAX];

	if (!start)
		return -ENOMEM;
	int r = mv_control_receive_start(MV_CONTROL_FD, start, fds);

	if (r >= 0 && start->type != MV_MSG_START)
		r = -EBADMSG;
	if (r >= 0) {
		mv_log(MV_LOG_INFO, "machine: making id=%s memory_mib=%llu shares=%u", start->id,
		       (unsigned long long)(start->memory_bytes >> 20), start->share_count);
		/* A shell has none, and takes them in shell.c. */
		r = start->kind == MV_KIND_SHELL ? 0 : mv_landlock_allow(start, fds + MV_FD_FIXED);
	}
	if (r >= 0)
		r = mv_machine_new(start, fds, MV_CONTROL_FD, ret_machine);
	free(start);
	/* What only making needed would stay with the heap as long as the micro-VM lives. */
	(void)malloc_trim(0);
	return r;
}

int main(int argc, char **argv)
{
	struct mv_machine *machine;

	(void)argv;
	if (argc != 1) {
		mv_log(MV_LOG_ERROR, "main: takes no arguments; ampoule-agent starts it");
		return EXIT_FAILURE;
	}
	int r = mv_jail_close_others(MV_CONTROL_FD);

	if (r < 0) {
		errno = -r;
		mv_log(MV_LOG_ERROR, "main: need descriptors 2 (log) and 3 (control): %m");
		return EXIT_FAILURE;
	}
	r = mv_jail_enter(MV_VIEW_FDS_MAX + OTHER_FDS);
	if (r == 0)
		r = receive_and_make(&machine);
	if (r < 0)
		return tell_failure(r);
	mv_machine_run(machine);
	_exit(EXIT_SUCCESS);
}
