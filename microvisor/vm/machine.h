/* One micro-VM: everything it is made of, its life, and why it ended.
 *
 * Two threads of ours: the vCPU thread (exits.c) enters the guest and serves each exit to its end; the
 * main thread (machine.c, loop.c) makes the machine, then serves the control socket, the task's control
 * connection, time limits and the audit record. (The task's stdio has a third, guest/task.h.) All of it
 * is allocated before the first KVM_RUN, save what another policy needs. */
#ifndef MV_VM_MACHINE_H
#define MV_VM_MACHINE_H

#include <pthread.h>
#include <stdatomic.h>

#include "microvisor/arbiter/arbiter.h"
#include "microvisor/guest/task.h"
#include "microvisor/layout.h"
#include "microvisor/microvisor.h"
#include "microvisor/view/view.h"
#include "microvisor/virtio/devices.h"
#include "microvisor/virtio/vsock.h"
#include "microvisor/vm/memory.h"
#include "microvisor/vm/serial.h"
#include "microvisor/vm/vcpu.h"

struct mv_machine {
	int control; /* the control socket, borrowed; sending from any thread */
	enum mv_kind kind;
	uint8_t key[MV_KEY_BYTES];
	int state_fd;      /* owned: where a template is saved; -1 otherwise */
	bool is_dax;       /* of a clone, as its template said */
	uint64_t begin_ms; /* of the time limits */
	uint64_t boot_limit_ms;
	uint64_t lifetime_ms; /* 0: none */
	struct mv_kvm kvm;
	struct mv_memory memory;
	struct mv_vcpu vcpu;
	struct mv_serial serial; /* vCPU thread only */
	struct mv_audit *audit;
	struct mv_arbiter *arbiter;
	struct mv_view *view;
	struct mv_vsock *vsock; /* devices[MV_SLOT_VSOCK], by its own name */
	struct mv_task *task;
	struct mv_device *devices[MV_SLOT_COUNT];
	void *launch;           /* the launch message */
	struct mv_exit exit;    /* the exit being served; vCPU thread only */
	uint64_t early_unknown; /* unknown accesses before the task ran; vCPU thread only */

	int audit_event;         /* eventfd: something waits in the audit record */
	int end_event;           /* eventfd: the machine has ended */
	atomic_bool is_launched; /* the task has been executed: unknown accesses are arbitrated */
	atomic_bool is_stopping; /* the vCPU thread does not enter the guest again */
	atomic_bool
		is_parking; /* it leaves the guest for a while: to save it, or to bind a shell */
	struct mv_launching *launching; /* of a shell that is being launched: shell.c */
	pthread_t vcpu_thread;
	pthread_mutex_t lock;
	bool is_ready;   /* the guest waits for its launch message; main loop only */
	bool has_ended;  /* guarded by lock, like the two below */
	enum mv_end why; /* the first reason counts */
	uint32_t detail;
};

/* Makes a machine from a checked start message. Takes all fds, also on error; control is borrowed.
 * -errno, the cause logged. */
int mv_machine_new(const struct mv_start *start, const int *fds, int control,
		   struct mv_machine **ret_machine) __attribute__((warn_unused_result));
/* Only for a machine that has not run. */
void mv_machine_free(struct mv_machine *machine);

/* The state of a template into its file, on the vCPU thread: -EBUSY while the guest is not idle; else
 * -errno. And out of one (borrowed) into a clone that is made but for that: -EBADMSG, -EXDEV as mv_state_restore(), -errno. */
int mv_machine_save(struct mv_machine *machine) __attribute__((warn_unused_result));
int mv_machine_restore(struct mv_machine *machine, int fd) __attribute__((warn_unused_result));

/* Another compiled table out of its file (borrowed), in force from the next access on; and the launch message
 * out of its, checked as far as it matters to us. -errno. Main thread. */
int mv_machine_replace_policy(struct mv_machine *machine, int fd, uint64_t *ret_serial)
	__attribute__((warn_unused_result));
int mv_machine_read_launch(struct mv_machine *machine, int fd, size_t *ret_n, uint32_t *ret_uid)
	__attribute__((warn_unused_result));
/* The start's shares and its store into the view, which owns their descriptors then: those that fds begins with.
 * As mv_view_add() and mv_view_set_store(). Before the guest runs, or on the vCPU thread. */
int mv_machine_add_shares(struct mv_machine *machine, const struct mv_start *start, int *fds)
	__attribute__((warn_unused_result));

/* Starts the threads, runs the guest to its end and sends MV_MSG_EXIT. The process must exit then, by
 * _exit(2): a thread that is stuck in a call of the host may still use the machine. */
void mv_machine_run(struct mv_machine *machine);

/* Ends the machine for this reason, unless it has ended already. Any thread. */
void mv_machine_end(struct mv_machine *machine, enum mv_end why, uint32_t detail);

/* The vCPU thread; the argument is the machine. */
void *mv_machine_vcpu(void *machine);

#endif
