/* The API that the agent embeds: how one ampoule-microvm process is started and talked to.
 *
 * The agent makes a SOCK_SEQPACKET socket pair, forks, and executes ampoule-microvm with its end as
 * descriptor MV_CONTROL_FD and nothing else open but stderr (its log). The first message to it is
 * struct mv_start with the descriptors of enum mv_fd in that order, then one per share. Every message
 * is one of these fixed-size structs, sent whole; the receiver copies it once and checks each field.
 * A message of another size or type ends the sender's trust: the agent kills the microvm, the microvm
 * exits. When the control socket closes the microvm ends at once. */
#ifndef MV_MICROVISOR_H
#define MV_MICROVISOR_H

#include <stdint.h>

#include "microvisor/arbiter/access.h"

enum {
	MV_CONTROL_FD = 3,
	MV_API_VERSION = 4,
	MV_SHARES_MAX = 16,
	MV_KEY_BYTES = 32
};

/* Descriptors that come with MV_MSG_START, in this order. All are owned by the microvm from then on. */
enum mv_fd {
	MV_FD_KVM, /* /dev/kvm */
	/* As long as memory_bytes: what the guest's memory begins with, mapped copy-on-write; a template's is
	 * written to. */
	MV_FD_MEMORY,
	MV_FD_STATE, /* of a clone: its template's state; else empty, and a template writes its own there */
	MV_FD_ROOT,   /* the EROFS image, read only */
	MV_FD_POLICY, /* sealed memfd: the compiled table (arbiter/policy.h) */
	MV_FD_LAUNCH, /* sealed memfd: the launch message (guest.h) */
	MV_FD_STDIN,
	MV_FD_STDOUT,
	MV_FD_STDERR,
	MV_FD_FIXED, /* shares follow from here, and then the store, when there is one */
	MV_FD_TEMPLATE_COUNT = MV_FD_LAUNCH, /* a template is given no more than that */
	/* Nor is a shell at its start; MV_MSG_LAUNCH brings those from the policy on. */
	MV_FD_SHELL_COUNT = MV_FD_LAUNCH,
	MV_FD_LAUNCH_FIRST = MV_FD_POLICY
};

enum mv_kind {
	MV_KIND_COLD, /* boots, runs its task */
	MV_KIND_TEMPLATE, /* boots, parks before its task, is saved, ends with MV_END_PARKED; no shares */
	MV_KIND_CLONE, /* goes on where the template parked, runs its task */
	MV_KIND_SHELL /* as a clone, ahead of its task: READY when its guest is warm, then waits for MV_MSG_LAUNCH,
			 without time limits and without shares; its first policy should deny everything */
};

enum mv_share_kind {
	MV_SHARE_FILE = 1, /* a regular file, opened O_RDONLY by the user */
	MV_SHARE_FOLDER    /* a detached mount clone: RDONLY|NODEV|NOSUID|NOEXEC, open_tree(2) */
};

struct mv_share {
	uint32_t kind;
	uint32_t path_bytes;
	char path[MV_PATH_MAX]; /* host path, canonical; where the view shows it */
};

enum mv_msg_type {
	/* agent to microvm */
	MV_MSG_START = 1, /* struct mv_start and descriptors */
	MV_MSG_POLICY, /* struct mv_msg and one descriptor: a new compiled table, in force for the next access */
	MV_MSG_SIGNAL, /* struct mv_msg; value = signal number for the task */
	MV_MSG_STOP,   /* struct mv_msg; end the micro-VM now */
	MV_MSG_LAUNCH, /* struct mv_start and descriptors; what a shell, which takes nothing else, becomes a clone by.
			  Of the struct only what a clone of the same template can have otherwise counts */
	/* microvm to agent */
	MV_MSG_STATE, /* struct mv_msg; value = enum mv_state */
	MV_MSG_EVENT, /* struct mv_event */
	MV_MSG_EXIT, /* struct mv_msg; value = enum mv_end, detail = wait status or errno, then the process exits */
	MV_MSG_APPLIED /* struct mv_msg; serial of the policy now in force; detail = 0, or the errno for
			  which a new table was refused */
};

enum mv_state {
	MV_STATE_BOOTING = 1,
	MV_STATE_READY,
	MV_STATE_RUNNING
};

/* Why the micro-VM ended. */
enum mv_end {
	MV_END_TASK = 1,    /* the task ended; detail = wait status as in waitpid(2) */
	MV_END_NOT_STARTED, /* the guest could not execute it; detail = errno there */
	MV_END_STOPPED,     /* MV_MSG_STOP or a closed control socket */
	MV_END_LIFETIME,    /* the policy's lifetime was over */
	MV_END_POLICY,      /* a deny with terminate */
	MV_END_GUEST, /* the guest crashed: triple fault, halt for ever, reset, internal error; detail = KVM exit reason */
	MV_END_BOOT,  /* not ready within the boot time limit */
	MV_END_ERROR, /* the microvm itself failed; detail = errno; EBADMSG: a template that is none */
	MV_END_PARKED /* the template is saved */
};

struct mv_start {
	uint32_t type;          /* MV_MSG_START */
	uint32_t version;       /* MV_API_VERSION */
	uint32_t vcpus;         /* 1 */
	uint32_t kind;          /* enum mv_kind */
	uint64_t memory_bytes;  /* multiple of 2 MiB, 64 MiB .. 3 GiB */
	uint64_t boot_limit_ms; /* from start to RUNNING, or to the end of a template */
	uint64_t lifetime_ms;   /* from start, 0 = none */
	uint32_t share_count;
	uint8_t key[MV_KEY_BYTES]; /* of the template; a clone of one with another key is refused */
	char id[MV_NAME_MAX];      /* for log lines; [a-z0-9-] */
	/* The store of changes (delta.h): a folder that the microvm may write, as a detached mount clone like a
	 * folder share; `tree` is there and empty. 0: none, all is read only. Else how much it may hold. */
	uint64_t store_bytes_max;
	uint64_t
		whole_bytes_max; /* an original up to this is taken over whole at its first change */
	struct mv_share shares[MV_SHARES_MAX];
};

struct mv_msg {
	uint32_t type;
	uint32_t value;
	uint32_t detail;
	uint32_t reserved;
	uint64_t serial;
};

/* One arbitrated access worth telling: a deny, a hide, an audit hit, an incident. Equal ones in a row
 * are one event with a count. */
struct mv_event {
	uint32_t type; /* MV_MSG_EVENT */
	uint8_t class;
	uint8_t op;
	uint8_t verdict; /* what happened */
	uint8_t audit; /* 1: an audit rule's "would deny"; the access itself was decided otherwise */
	uint8_t severity;
	uint8_t reserved[3];
	uint32_t exit_reason; /* KVM_EXIT_*, of the exit that carried the request */
	uint64_t guest_rip;
	uint64_t wall_clock_ns; /* of the first */
	uint64_t count;         /* at least 1 */
	uint64_t dropped;       /* events lost to the rate limit just before this one */
	uint64_t serial;        /* of the policy that decided */
	uint32_t claimed_uid; /* FUSE's uid and pid, as the guest kernel claims them; 0 elsewhere */
	uint32_t claimed_pid;
	char policy_id[MV_NAME_MAX];
	char rule[MV_NAME_MAX]; /* "" when no rule decided */
	uint32_t object_bytes;
	char object[MV_PATH_MAX];
};

#endif
