/* What passes between `ampoule` and ampoule-agent on /run/ampoule/agent.sock.
 *
 * SOCK_SEQPACKET; every message is one of these fixed-size structs, sent whole. The agent takes the
 * caller's uid from SO_PEERCRED and nothing else: a caller names arguments, a working folder, environment
 * and files by descriptor; never a task, a trust level, a policy or an identity. A message of another
 * size, type or version ends the connection. One connection carries one request; AGENT_REQ_RUN is
 * followed by signals until the task has ended, and a closed connection ends its micro-VM. What the task
 * wrote is saved then, the caller asked where the policy says so, and a signal ends the saving. */
#ifndef AGENT_SOCKET_H
#define AGENT_SOCKET_H

#include <stdint.h>

#include "microvisor/arbiter/access.h"

#define AGENT_SOCKET_NAME "agent.sock"

enum {
	AGENT_SOCKET_VERSION = 1,
	AGENT_ARGS_MAX = 256,
	AGENT_ENV_MAX = 32,
	AGENT_FILES_MAX = 8,
	AGENT_STRINGS_MAX = 64 << 10,
	AGENT_TEXT_MAX = 512,
	AGENT_RUN_FDS = 3, /* stdin, stdout, stderr; the files follow */
	AGENT_RUN_TERMINAL =
		1, /* flags, shifted by the stream's number: the caller moves what is written to
				this pipe on to a terminal, so that the policy takes it for one */
	AGENT_RUN_ASK = 8, /* the caller can be asked what of a task's changes is saved */
	AGENT_RUN_FLAGS = AGENT_RUN_TERMINAL << 1 | AGENT_RUN_TERMINAL << 2 | AGENT_RUN_ASK
};

enum agent_req_type {
	AGENT_REQ_RUN = 1, /* struct agent_req_run, stdio and file descriptors */
	AGENT_REQ_SIGNAL,  /* struct agent_req; value = signal for the task of this connection */
	AGENT_REQ_LS,      /* answered by AGENT_REP_VM each, then AGENT_REP_END */
	AGENT_REQ_STOP,    /* id */
	AGENT_REQ_STATUS, /* answered by AGENT_REP_STATUS, AGENT_REP_IMAGE and _TEMPLATE each, AGENT_REP_END */
	AGENT_REQ_EXPLAIN, /* id; answered by AGENT_REP_EVENT each, then AGENT_REP_END */
	AGENT_REQ_POLICY,  /* root only; one descriptor: sealed memfd with an envelope */
	AGENT_REQ_RELOAD,  /* root only: identity or images changed on disk */
	AGENT_REQ_ANSWER, /* value = enum agent_answer, to the AGENT_REP_ASK of this connection; no answer */
	AGENT_REQ_REVIEW, /* id; what a running micro-VM changed so far: AGENT_REP_LISTING, AGENT_REP_END */
	AGENT_REQ_KEPT, /* id, or "" for all; what is kept of ended ones: AGENT_REP_LISTING, AGENT_REP_END */
	AGENT_REQ_DESTROY, /* id; what is kept of it is destroyed now */
	AGENT_REQ_RESTORE, /* struct agent_req_restore; AGENT_REP_LISTING of what was
			      brought back, AGENT_REP_END */
	AGENT_REQ_COUNT
};

/* What becomes of a file that the user was asked about. */
enum agent_answer {
	AGENT_ANSWER_SAVE = 1,
	AGENT_ANSWER_KEEP,
	AGENT_ANSWER_SAVE_ALL, /* this one and all that would be asked about */
	AGENT_ANSWER_KEEP_ALL
};

struct agent_req {
	uint32_t type;
	uint32_t version; /* AGENT_SOCKET_VERSION */
	uint32_t value;
	uint32_t reserved;
	char id[MV_NAME_MAX]; /* NUL-terminated */
};

struct agent_req_run {
	uint32_t type;
	uint32_t version;
	uint32_t flags;
	uint32_t argc;         /* 1 .. AGENT_ARGS_MAX */
	uint32_t envc;         /* at most AGENT_ENV_MAX */
	uint32_t file_count;   /* at most AGENT_FILES_MAX */
	uint32_t string_bytes; /* used of strings; the rest is zero */
	uint32_t reserved;
	uint32_t file_arg[AGENT_FILES_MAX]; /* which argument each file descriptor stands for */
	char strings
		[AGENT_STRINGS_MAX]; /* argc arguments, envc "NAME=value", the folder; each ends with NUL */
};

/* Begins as struct agent_req does. */
struct agent_req_restore {
	uint32_t type;
	uint32_t version;
	uint32_t flags; /* AGENT_RESTORE_* */
	uint32_t reserved;
	char id[MV_NAME_MAX];
	char path[MV_PATH_MAX]; /* as listed, NUL-terminated */
	char name
		[256]; /* with AGENT_RESTORE_TO: the new file's, in the folder whose descriptor comes along */
};

enum {
	AGENT_RESTORE_BEFORE = 1, /* the version before, not the task's */
	AGENT_RESTORE_TO = 2,     /* not to its place; one descriptor: a folder, O_PATH */
	AGENT_RESTORE_ALL =
		4, /* all that the task wrote, to its places; path is "", no other flag. A
				     signal, or a closed connection, ends it */
	AGENT_RESTORE_FLAGS = 7
};

enum agent_rep_type {
	AGENT_REP_OK = 1, /* struct agent_rep: done */
	AGENT_REP_REFUSED, /* struct agent_rep: value = exit status for `ampoule run`, text = why and what next */
	AGENT_REP_PROGRESS, /* struct agent_rep: text = what is being waited for */
	AGENT_REP_NOTICE,   /* struct agent_rep: text = something was left out, and why */
	AGENT_REP_STARTED,  /* struct agent_rep: id; the task runs */
	AGENT_REP_EXITED,   /* struct agent_rep: value = enum mv_end, detail as in MV_MSG_EXIT */
	AGENT_REP_VM,       /* struct agent_rep_vm */
	AGENT_REP_STATUS,   /* struct agent_rep_status */
	AGENT_REP_IMAGE,    /* struct agent_rep_image */
	AGENT_REP_EVENT,    /* struct agent_rep_event */
	AGENT_REP_END,      /* struct agent_rep: the list is complete; value = entries */
	AGENT_REP_TEMPLATE, /* struct agent_rep_template */
	AGENT_REP_ASK,      /* struct agent_rep_ask; answered by AGENT_REQ_ANSWER */
	AGENT_REP_SAVING,   /* struct agent_rep: value of detail files are done with */
	AGENT_REP_LISTING /* struct agent_rep with one descriptor: a sealed memfd, as agent/listing.h reads it */
};

struct agent_rep_ask {
	uint32_t type;
	uint8_t kind; /* enum agent_change_kind */
	uint8_t reserved[3];
	uint64_t bytes;
	char rule[MV_NAME_MAX];
	char path[MV_PATH_MAX]; /* NUL-terminated; bytes that the guest chose */
};

struct agent_rep {
	uint32_t type;
	uint32_t value;
	uint32_t detail;
	uint32_t reserved;
	char id[MV_NAME_MAX];
	char text[AGENT_TEXT_MAX];
};

struct agent_rep_vm {
	uint32_t type;
	uint32_t state; /* enum mv_state; 0 = ended */
	uint32_t end;   /* enum mv_end when ended */
	uint32_t detail;
	uint64_t started_ns; /* CLOCK_REALTIME */
	uint64_t events;     /* refused accesses so far */
	uint64_t policy_serial;
	char id[MV_NAME_MAX];
	char task[MV_NAME_MAX];
	char image[MV_NAME_MAX];
	char program[256];
};

struct agent_rep_status {
	uint32_t type;
	uint32_t enrolled;
	uint32_t connected;
	uint32_t isolation;     /* /dev/kvm can be used, and hardware is behind it */
	uint32_t running;       /* micro-VMs of the caller */
	uint32_t shells;        /* made ahead of their tasks, and ready */
	uint64_t policy_serial; /* 0: no policy applied */
	uint64_t policy_applied_ns;
	uint64_t queue_events; /* waiting for the server */
	uint64_t queue_oldest_ns;
	uint8_t policy_digest[32];
	char policy_id[MV_NAME_MAX];
	char device_id[MV_NAME_MAX];
	char group[MV_NAME_MAX];
	char server[304];
	char link_text[AGENT_TEXT_MAX];      /* why not connected; "" when it is */
	char isolation_text[AGENT_TEXT_MAX]; /* why no micro-VM can be made; "" when it can */
	char jail_text
		[AGENT_TEXT_MAX]; /* which of the jail's walls this machine lacks; "" for none */
};

struct agent_rep_image {
	uint32_t type;
	uint32_t ready; /* every file is in the store */
	uint64_t version;
	uint64_t have_bytes;
	uint64_t total_bytes;
	char name[MV_NAME_MAX];
	char text[AGENT_TEXT_MAX]; /* why it is not ready */
};

struct agent_rep_template {
	uint32_t type;
	uint32_t state; /* enum agent_template_state */
	uint32_t cpus;
	uint32_t failures; /* in a row */
	uint64_t memory_bytes;
	uint64_t used_bytes; /* of this machine's memory, for all clones together */
	uint64_t version;    /* of the image */
	char image[MV_NAME_MAX];
	char text[AGENT_TEXT_MAX]; /* why it failed, and when it is tried again */
};

/* A template for clones: first of all wanted, last of all ready. */
enum agent_template_state {
	AGENT_TEMPLATE_WAITING,
	AGENT_TEMPLATE_MAKING,
	AGENT_TEMPLATE_READY,
	AGENT_TEMPLATE_FAILED /* tried again later */
};

struct agent_rep_event {
	uint32_t type;
	uint8_t class;
	uint8_t op;
	uint8_t verdict;
	uint8_t audit;
	uint8_t severity;
	uint8_t reserved[3];
	uint32_t exit_reason;
	uint64_t wall_clock_ns;
	uint64_t guest_rip;
	uint64_t count;
	uint64_t dropped;
	uint64_t serial;
	char policy_id[MV_NAME_MAX];
	char rule[MV_NAME_MAX];
	uint32_t object_bytes;
	char object[MV_PATH_MAX];
};

/* Room for any reply. */
union agent_any_rep {
	uint32_t type;
	struct agent_rep rep;
	struct agent_rep_vm vm;
	struct agent_rep_status status;
	struct agent_rep_image image;
	struct agent_rep_template template;
	struct agent_rep_event event;
	struct agent_rep_ask ask;
};

/* Room for any request. */
union agent_any_req {
	uint32_t type;
	struct agent_req req;
	struct agent_req_run run;
	struct agent_req_restore restore;
};

#endif
