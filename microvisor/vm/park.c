#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "microvisor/vm/log.h"
#include "microvisor/vm/machine.h"
#include "microvisor/vm/snapshot.h"

/* A parked machine into its state file, and a new one out of it. The vCPU is outside KVM_RUN in both. */

static int fill(struct mv_machine *m, struct mv_snapshot *s)
{
	int r = mv_state_save(&m->kvm, &m->vcpu, &s->cpu);

	if (r == 0)
		r = mv_vsock_save(m->vsock, &s->vsock);
	if (r < 0)
		return r;
	/* At its HLT and nowhere else: every driver has finished what it had begun. */
	if (s->cpu.mp.mp_state != KVM_MP_STATE_HALTED)
		return -EBUSY;
	memcpy(s->key, m->key, sizeof(s->key));
	s->ram_bytes = m->memory.ram_bytes;
	s->root_bytes = m->memory.root_bytes;
	s->is_dax = mv_task_is_dax(m->task);
	_Static_assert(sizeof(s->serial) == sizeof(m->serial.registers), "all of the UART");
	memcpy(s->serial, m->serial.registers, sizeof(s->serial));
	for (unsigned i = 0; i < MV_SLOT_COUNT; i++)
		mv_device_save(m->devices[i], &s->devices[i]);
	mv_snapshot_finish(s);
	return 0;
}

int mv_machine_save(struct mv_machine *m)
{
	/* On the stack: the thread's filter knows of no call that gets memory. */
	struct mv_snapshot s = {0};
	int r = fill(m, &s);

	return r < 0 ? r : mv_snapshot_write(m->state_fd, &s);
}

static int use(struct mv_machine *m, const struct mv_snapshot *s)
{
	for (unsigned i = 0; i < MV_SLOT_COUNT; i++) {
		if (mv_device_restore(m->devices[i], &s->devices[i]) == 0)
			continue;
		mv_log(MV_LOG_ERROR, "template: refused: the state of device %u is impossible",
		       m->devices[i]->ops->id);
		return -EBADMSG;
	}
	memcpy(m->serial.registers, s->serial, sizeof(s->serial));
	mv_vsock_restore(m->vsock, &s->vsock);
	m->is_dax = s->is_dax;
	return mv_state_restore(&m->kvm, &m->vcpu, &s->cpu);
}

int mv_machine_restore(struct mv_machine *m, int fd)
{
	const struct mv_snapshot_want want = {.key = m->key,
					      .ram_bytes = m->memory.ram_bytes,
					      .root_bytes = m->memory.root_bytes};
	struct mv_snapshot *s = malloc(sizeof(*s));
	int r = s ? mv_snapshot_read(fd, &want, s) : -ENOMEM;

	if (r == 0)
		r = use(m, s);
	free(s);
	return r;
}
