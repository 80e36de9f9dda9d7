/* What micro-VMs changed and what became of it, for people and as JSON. */
#ifndef AGENT_CLI_CHANGES_H
#define AGENT_CLI_CHANGES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "agent/listing.h"
#include "common/err.h"

enum {
	CHANGES_SHORT = 30 /* lines of a summary; more are counted */
};

/* One list, read: what it says as a whole. */
struct agent_changes_sum {
	size_t micro_vms;
	size_t changes;
	size_t saved;
	size_t kept;   /* with content, not saved */
	size_t failed; /* of these */
};

/* Prints the list of a sealed memfd (AGENT_REP_LISTING) to out, at most `most` changes per micro-VM, each micro-VM
 * with a line of its own if heads; fd is borrowed. -errno with the text in err. */
int agent_changes_print(int fd, FILE *out, bool heads, size_t most,
			struct agent_changes_sum *ret_sum, struct err *err) must_check;
/* The same as JSON: an array of micro-VMs with their changes, a new reference. NULL with the text in err. */
json_t *agent_changes_json(int fd, struct err *err);

/* Calls fn with each change that has content and is not saved, or of which a version before is kept. */
typedef int agent_changes_fn(void *context, const char *id, const struct agent_change *change);
int agent_changes_each(int fd, agent_changes_fn *fn, void *context, struct err *err) must_check;

/* "changed", "new", ... */
const char *agent_changes_kind(unsigned kind);

#endif
