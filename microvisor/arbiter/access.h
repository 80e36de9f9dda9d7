/* What a micro-VM reaches for, and what the policy says of it: the words of the arbiter. Plain data. */
#ifndef MV_ARBITER_ACCESS_H
#define MV_ARBITER_ACCESS_H

#include <stddef.h>
#include <stdint.h>

/* Access classes. A rule belongs to one class and selects by object. Numbers are part of the compiled
 * table and of events: add, never renumber. */
enum mv_class {
	MV_CLASS_FILE = 1,  /* object: host path, absolute, canonical, bytes without NUL */
	MV_CLASS_STDIO,     /* object: "stdin", "stdout" or "stderr" */
	MV_CLASS_NET,       /* object: "tcp:[0a000005].host:port", or "udp:..." */
	MV_CLASS_DNS,       /* object: host name */
	MV_CLASS_PORT,      /* port I/O; object: "0x3f8" */
	MV_CLASS_MMIO,      /* object: "0xd0000000" (guest physical address) */
	MV_CLASS_MSR,       /* object: "0x1a0" */
	MV_CLASS_HYPERCALL, /* object: "12" */
	MV_CLASS_MACHINE, /* object: "triple-fault", "halt", "bad-queue", ... : incidents of the machine itself */
	MV_CLASS_SAVE, /* object: host path; decided at exit */
	MV_CLASS_COUNT
};

/* Operations inside a class. */
enum mv_op {
	MV_OP_LOOKUP = 1,
	MV_OP_STAT,
	MV_OP_OPEN,
	MV_OP_READ,
	MV_OP_WRITE,
	MV_OP_CREATE,
	MV_OP_DELETE,
	MV_OP_RENAME,
	MV_OP_LIST,
	MV_OP_EXEC,
	MV_OP_CONNECT,
	MV_OP_IN,
	MV_OP_OUT,
	MV_OP_COUNT
};

/* What happens to the access. */
enum mv_verdict {
	MV_ALLOW = 1, /* do: read (files: reading only), allow (other classes) */
	MV_COPY,      /* do: copy; reads see the original, writes go to a delta */
	MV_NEW,       /* do: new; only files made by the task */
	MV_DENY,      /* EACCES and an event */
	MV_HIDE,      /* ENOENT; counted, events coalesced */
	MV_TERMINATE, /* deny, then the micro-VM is ended */
	MV_VERDICT_COUNT
};

enum mv_severity {
	MV_LOW = 1,
	MV_MEDIUM,
	MV_HIGH,
	MV_CRITICAL
};

enum {
	MV_PATH_MAX = 4096,
	MV_NAME_MAX = 64
};

struct mv_access {
	uint8_t class; /* enum mv_class */
	uint8_t op;    /* enum mv_op */
	uint16_t object_bytes;
	const char *object; /* borrowed; not NUL-terminated */
};

#endif
