/* Documents of the policy language on their way to the server, and what it says would change, or did. One
 * thread. */
#ifndef SERVER_CTL_LAYERS_H
#define SERVER_CTL_LAYERS_H

#include <jansson.h>

#include "common/buf.h"
#include "server/ctl/ask.h"

/* Prints findings as compilers do: FILE:LINE:COLUMN: PATH: TEXT; a stored document is named by its id. */
void ctl_print_findings(FILE *out, const char *file, const json_t *findings);
/* Prints changes, a line each: "+ task.class rule (document:line): text". */
void ctl_print_changes(FILE *out, const json_t *changes);
/* Reads a file of at most 1 MiB that is not empty; tells what is wrong. */
enum ctl_exit ctl_read_document(struct ctl_call *call, const char *file, struct buf *out);
/* POSTs a change of layers (body taken) and tells what comes of it; findings go to stderr. The groups that changed,
 * each with its new serial, go to ret_groups (the caller's) unless that is NULL. */
enum ctl_exit ctl_change_layers(struct ctl_call *call, const char *file, json_t *body,
				json_t **ret_groups);

#endif
