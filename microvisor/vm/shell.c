#include "microvisor/vm/shell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "microvisor/jail/jail.h"
#include "microvisor/vm/clock.h"
#include "microvisor/vm/control.h"
#include "microvisor/vm/log.h"

/* The main loop's until the vCPU is kicked, the vCPU thread's until is_bound, then the main loop's again. */
struct mv_launching {
	struct mv_start start;
	int fds[MV_FD_LAUNCH_FIRST + MV_START_FDS_MAX]; /* by enum mv_fd */
	size_t launch_bytes;
	uint32_t uid;
	atomic_bool is_bound;
};

int mv_shell_receive(struct mv_machine *m)
{
	struct mv_launching *l = m->launching = calloc(1, sizeof(*l));
	uint64_t serial;

	if (!l)
		return -ENOMEM;
	int r = mv_control_receive_start(m->control, &l->start, l->fds + MV_FD_LAUNCH_FIRST);

	if (r >= 0)
		r = l->start.type == MV_MSG_LAUNCH
			    ? mv_machine_replace_policy(m, l->fds[MV_FD_POLICY], &serial)
			    : -EBADMSG;
	if (r == 0)
		r = mv_machine_read_launch(m, l->fds[MV_FD_LAUNCH], &l->launch_bytes, &l->uid);
	if (r < 0)
		return r; /* the end of the process, and of what came */
	close(l->fds[MV_FD_POLICY]);
	close(l->fds[MV_FD_LAUNCH]);
	atomic_store(&m->is_parking, true);
	mv_vcpu_kick(&m->vcpu, m->vcpu_thread);
	return 0;
}

void mv_shell_bind(struct mv_machine *m)
{
	struct mv_launching *l = m->launching;
	int r = mv_landlock_allow(&l->start, l->fds + MV_FD_FIXED);

	mv_view_own(m->view, l->uid);
	if (r == 0)
		r = mv_machine_add_shares(m, &l->start, l->fds + MV_FD_FIXED);
	if (r < 0) {
		errno = -r;
		mv_log(MV_LOG_ERROR, "shell: cannot take the shares: %m");
		mv_machine_end(m, MV_END_ERROR, (uint32_t)-r);
		return;
	}
	atomic_store(&l->is_bound, true);
	mv_task_wake(m->task);
}

void mv_shell_go(struct mv_machine *m)
{
	struct mv_launching *l = m->launching;

	if (!atomic_load(&l->is_bound))
		return;
	mv_log(MV_LOG_INFO, "machine: launched id=%s shares=%u", l->start.id, l->start.share_count);
	m->kind = MV_KIND_CLONE;
	m->begin_ms = mv_clock_ns(CLOCK_MONOTONIC) / 1000000;
	m->boot_limit_ms = l->start.boot_limit_ms;
	m->lifetime_ms = l->start.lifetime_ms;
	mv_task_launch(m->task, m->launch, l->launch_bytes, l->fds + MV_FD_STDIN);
	free(l);
	m->launching = NULL;
}
