/* The policy language: documents parsed, checked, merged into one effective policy, and compiled for one task
 * (docs/policy.md).
 *
 * Pure code: no files, no network, no clock. A parsed policy is immutable; any number of threads may
 * read it. An effective policy is a stream of documents, separated by "---": a base, the deltas of the
 * groups from the root of their tree to the leaf, and exceptions. That stream is what is signed; whoever
 * reads it merges it, so that each rule keeps the document and the line it came from. */
#ifndef COMMON_POLICY_POLICY_H
#define COMMON_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "microvisor/arbiter/access.h"

enum {
	POLICY_BYTES_MAX = 1 << 20, /* of all layers together */
	POLICY_LAYERS_MAX = 256,
	POLICY_ERRORS_MAX = 32,
	POLICY_FILES_MAX = 8
};

enum policy_kind {
	POLICY_KIND_BASE = 1,
	POLICY_KIND_DELTA,
	POLICY_KIND_EXCEPTION
};

/* The text of one document. Borrowed. */
struct policy_layer {
	const char *name; /* in findings; NULL: they name none */
	const char *yaml;
	size_t n;
	int line_before; /* lines of the same file before it, for findings */
};

/* One finding about a document. line and column count from 1; 0 when it concerns the whole. */
struct policy_error {
	char document[64]; /* name of the layer; "" when it has none */
	int line;
	int column;
	char path[128]; /* of the key: "tasks[0].file[1].do" */
	char text[256]; /* what is wrong and what would be right */
};

struct policy_errors {
	size_t count; /* found, may exceed POLICY_ERRORS_MAX */
	struct policy_error list[POLICY_ERRORS_MAX];
};

struct policy; /* opaque */

/* Parses, merges and checks a stream of documents. NULL and at least one error when it is refused. Free with
 * policy_free(). */
struct policy *policy_parse(const void *yaml, size_t n, struct policy_errors *errors);
/* The same for documents that are apart: the base, deltas from the root of the group tree to the leaf,
 * exceptions. Findings name the layer. */
struct policy *policy_merge(const struct policy_layer *layers, size_t count,
			    struct policy_errors *errors);
void policy_free(struct policy *policy);
/* What is accepted but worth telling: not enforced by this version, can never match, shadowed by another
 * rule. Borrowed. */
const struct policy_errors *policy_notes(const struct policy *policy);
/* "NAME:LINE:COLUMN: PATH: TEXT\n" per error, as compilers print them; NAME is the layer's, if it has one.
 * -ENOMEM. */
int policy_errors_put(const struct policy_errors *errors, const char *name,
		      struct buf *out) must_check;

/* Splits a stream where a line begins with "---". The number of documents, which may be larger than max.
 * Their names are NULL. */
size_t policy_split(const void *yaml, size_t n, struct policy_layer *layers, size_t max);
/* Appends the stream of the layers to out, so that policy_split() gives them back. -ENOMEM. */
int policy_join(const struct policy_layer *layers, size_t count, struct buf *out) must_check;

/* What a document is, read alone. */
struct policy_head {
	enum policy_kind kind;
	char id[MV_NAME_MAX];
	char extends[MV_NAME_MAX]; /* "" for a base */
	char group[MV_NAME_MAX];   /* of a delta */
	uint64_t until_s;          /* of an exception */
};
/* Whether one document is of the language, whatever it is laid on; 0, or -EINVAL with errors. */
int policy_read_head(const struct policy_layer *layer, struct policy_head *ret_head,
		     struct policy_errors *errors) must_check;

/* Of the base. */
const char *policy_id(const struct policy *policy);
/* The n-th image named by a task, with the line that names it; NULL past the end. */
const char *policy_image(const struct policy *policy, size_t n, int *ret_line);

/* How one task is run; borrowed from the policy. */
struct policy_task {
	const char *id;
	const char *image;
	const char *level;
	uint64_t memory_bytes;
	uint32_t cpus;
	uint32_t processes;
	uint64_t lifetime_ms; /* 0 = none */
	uint32_t uid;         /* of the task in the guest: run.uid, default 1000 */
	uint64_t quota_bytes; /* of what it writes; 0: the endpoint's own limit */
};

size_t policy_task_count(const struct policy *policy);
void policy_task_at(const struct policy *policy, size_t n, struct policy_task *out);
/* The task of a program that no task matches; policy_task_count() when such a program is refused. */
size_t policy_default_task(const struct policy *policy);

/* Who asks for what: the facts that "~", "{file}" and match: need. Host paths are canonical. */
struct policy_request {
	const char *user; /* account name */
	const char *home; /* absolute, no trailing "/" */
	size_t file_count;
	const char *files[POLICY_FILES_MAX]; /* what the user named, canonical host paths */
	const char *program;                 /* guest path after symlinks */
	/* For exceptions. */
	const char *device;   /* id of the device; NULL: unknown */
	const char *hostname; /* NULL: unknown */
	uint64_t now_s;       /* since the epoch; 0: before every end */
};
/* When the next exception that still holds at now_s ends; 0 when none does. */
uint64_t policy_next_end(const struct policy *policy, uint64_t now_s);

/* Whether task n matches the request (program and every file). The caller walks the tasks in order; the
 * first match counts. */
bool policy_task_matches(const struct policy *policy, size_t n,
			 const struct policy_request *request);
/* Compiles the rules in force for task n and this request: final, then the task's layers. Appends the
 * table (microvisor/arbiter/policy.h) to out. -ENOMEM; -EFBIG for a table over its limits; -EINVAL for a
 * task that is not there, a request whose paths are not canonical, or a home with a wildcard in its name
 * where a rule has one; -ENAMETOOLONG for a home that makes a path too long. out is then as it was. */
int policy_compile(const struct policy *policy, size_t n, const struct policy_request *request,
		   uint64_t serial, struct buf *out) must_check;

/* How large a file may be that the save rule of this id lets out; 0: any size, or no such rule. */
uint64_t policy_save_max(const struct policy *policy, const char *rule_id);

/* What the view needs from the host: the literal places that rules of task n open (read, copy). */
struct policy_place {
	bool folder; /* a subtree, or a glob's literal folder; else one file */
	bool given;  /* it is one of the request's files: the caller holds its descriptor */
	char path[MV_PATH_MAX]; /* host path, no trailing "/" */
};
/* Fills at most max places, none of them below another folder of the list; the number found, which may
 * be larger than max. */
size_t policy_places(const struct policy *policy, size_t n, const struct policy_request *request,
		     struct policy_place *places, size_t max);

/* The tests: of all layers, run on the effective policy. Appends one line per failing test to out; the number
 * failing, or -ENOMEM. */
int policy_run_tests(const struct policy *policy, struct buf *out) must_check;

/* One rule of the effective policy, or another setting of it that people compare. Borrowed. */
struct policy_item {
	const char *task;     /* "" for all tasks */
	const char *class;    /* "file", "net", ...; "match", "run", "on_deny", "default_task" */
	const char *id;       /* of the rule; "" for a setting */
	const char *text;     /* the whole of it, in one spelling whatever the document's */
	const char *document; /* id of the document it came from */
	enum policy_kind kind;
	int line;                    /* in that document */
	const struct policy *policy; /* whose it is */
	size_t layer;
};
/* Calls fn with each item in the order of deciding. Stops at what is not 0 and returns that; -ENOMEM. */
typedef int policy_item_fn(void *context, const struct policy_item *item);
int policy_items(const struct policy *policy, policy_item_fn *fn, void *context) must_check;
/* Whether the item concerns that user and device at that time: exceptions may not. */
bool policy_item_applies(const struct policy_item *item, const struct policy_request *request);

enum policy_change {
	POLICY_ADDED = 1,
	POLICY_REMOVED,
	POLICY_CHANGED,
	POLICY_MOVED /* the same rule, tried before or after others than it was */
};
/* Compares by meaning: comments, spelling, and the document that a rule stands in do not count. old or new
 * is NULL for what was added or removed. Either policy may be NULL. As policy_items(). */
typedef int policy_diff_fn(void *context, enum policy_change change, const struct policy_item *old,
			   const struct policy_item *new);
int policy_diff(const struct policy *old, const struct policy *new, policy_diff_fn *fn,
		void *context) must_check;

#endif
