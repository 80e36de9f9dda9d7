#include "common/policy/words.h"

#include <stddef.h>

#include "microvisor/arbiter/access.h"

static const char *const class_names[MV_CLASS_COUNT] = {
	[MV_CLASS_FILE] = "file",       [MV_CLASS_STDIO] = "stdio",
	[MV_CLASS_NET] = "net",         [MV_CLASS_DNS] = "dns",
	[MV_CLASS_PORT] = "port",       [MV_CLASS_MMIO] = "mmio",
	[MV_CLASS_MSR] = "msr",         [MV_CLASS_HYPERCALL] = "hypercall",
	[MV_CLASS_MACHINE] = "machine", [MV_CLASS_SAVE] = "save",
};

static const char *const op_names[MV_OP_COUNT] = {
	[MV_OP_LOOKUP] = "lookup", [MV_OP_STAT] = "stat",       [MV_OP_OPEN] = "open",
	[MV_OP_READ] = "read",     [MV_OP_WRITE] = "write",     [MV_OP_CREATE] = "create",
	[MV_OP_DELETE] = "delete", [MV_OP_RENAME] = "rename",   [MV_OP_LIST] = "list",
	[MV_OP_EXEC] = "exec",     [MV_OP_CONNECT] = "connect", [MV_OP_IN] = "in",
	[MV_OP_OUT] = "out",
};

static const char *const verdict_names[MV_VERDICT_COUNT] = {
	[MV_ALLOW] = "allow", [MV_COPY] = "copy", [MV_NEW] = "new",
	[MV_DENY] = "deny",   [MV_HIDE] = "hide", [MV_TERMINATE] = "terminate",
};

static const char *const severity_names[MV_CRITICAL + 1] = {
	[MV_LOW] = "low",
	[MV_MEDIUM] = "medium",
	[MV_HIGH] = "high",
	[MV_CRITICAL] = "critical",
};

const char *words_class(unsigned class)
{
	return class < MV_CLASS_COUNT ? class_names[class] : NULL;
}

const char *words_op(unsigned op)
{
	return op < MV_OP_COUNT ? op_names[op] : NULL;
}

const char *words_verdict(unsigned verdict)
{
	return verdict < MV_VERDICT_COUNT ? verdict_names[verdict] : NULL;
}

const char *words_severity(unsigned severity)
{
	return severity <= MV_CRITICAL ? severity_names[severity] : NULL;
}
