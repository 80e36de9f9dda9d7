/* The policy language: a parsed document, checked, and compiled for one task (docs/policy.md).
 *
 * Pure code: no files, no network, no clock. A parsed policy is immutable; any number of threads may
 * read it. One effective policy is one YAML document of kind "base" (deltas and exceptions are merged
 * into one before signing). */
#ifndef COMMON_POLICY_POLICY_H
#define COMMON_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "microvisor/arbiter/access.h"

enum {
	POLICY_BYTES_MAX = 1 << 20,
	POLICY_ERRORS_MAX = 32,
	POLICY_FILES_MAX = 8
};

/* One finding about a document. line and column count from 1; 0 when it concerns the whole. */
struct policy_error {
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

/* Parses and checks a document. NULL and at least one error when it is refused. Free with policy_free(). */
struct policy *policy_parse(const void *yaml, size_t n, struct policy_errors *errors);
void policy_free(struct policy *policy);
/* "NAME:LINE:COLUMN: PATH: TEXT\n" per error, as compilers print them. -ENOMEM. */
int policy_errors_put(const struct policy_errors *errors, const char *name,
		      struct buf *out) must_check;

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
};

size_t policy_task_count(const struct policy *policy);
void policy_task_at(const struct policy *policy, size_t n, struct policy_task *out);

/* Who asks for what: the facts that "~", "{file}" and match: need. Host paths are canonical. */
struct policy_request {
	const char *user; /* account name */
	const char *home; /* absolute, no trailing "/" */
	size_t file_count;
	const char *files[POLICY_FILES_MAX]; /* what the user named, canonical host paths */
	const char *program;                 /* guest path after symlinks */
};

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

/* The document's own tests:, run on it. Appends one line per failing test to out; the number failing, or
 * -ENOMEM. */
int policy_run_tests(const struct policy *policy, struct buf *out) must_check;

#endif
