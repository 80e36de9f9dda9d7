/* The compiled policy of one micro-VM and the one evaluator of the product.
 *
 * common/policy compiles the effective policy, for one task, user and set of files, into a table: one
 * block of bytes without pointers, the same on every machine of one byte order. The agent hands it to
 * the microvm as a sealed memfd; server and ampoulectl build the same table to test and explain.
 *
 * mv_policy_init() checks the whole table once; after that mv_arbitrate() is pure: no I/O, no memory,
 * no locks, any number of threads. The table must stay mapped and unchanged as long as the policy is
 * used; replacing a policy means building another one and swapping the pointer under the owner's lock. */
#ifndef MV_ARBITER_POLICY_H
#define MV_ARBITER_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microvisor/arbiter/access.h"

enum {
	MV_TABLE_MAGIC = 0x31504d41, /* "AMP1", little endian */
	MV_TABLE_BYTES_MAX = 8 << 20,
	MV_TABLE_RULES_MAX = 65535,
	MV_AUDIT_MAX = 8 /* audit rules reported for one access; more are counted */
};

/* How a pattern selects objects. Strings are bytes, compared as bytes. */
enum mv_pattern_kind {
	MV_PATTERN_EXACT = 1, /* the object itself */
	MV_PATTERN_SUBTREE, /* "/a/b/" selects "/a/b" and everything below it; stored without the trailing "/" */
	MV_PATTERN_GLOB /* "*" stays in a component and matches dotfiles, "**" crosses components, "?" one byte
				 that is not "/"; "*.x" in the DNS and NET classes excludes "x" itself */
};

/* The table, in this order: header, rules, patterns, index (the end of each bucket in the order,
 * then the order, pattern numbers by bucket; index.h), strings. All offsets count from the start of the
 * strings. Little endian; every field naturally aligned; reserved fields are 0. */
struct mv_table_header {
	uint32_t magic;
	uint32_t total_bytes; /* of the whole table */
	uint32_t rule_count;
	uint32_t pattern_count;
	uint32_t string_bytes;
	uint32_t bucket_count;       /* of the index, a power of two; 1 serves a small table */
	uint64_t serial;             /* of the signed policy */
	char policy_id[MV_NAME_MAX]; /* NUL-terminated */
	char task_id[MV_NAME_MAX];   /* NUL-terminated */
	uint8_t fallback
		[MV_CLASS_COUNT]; /* enum mv_verdict per class when no rule matches; [0] is 0 */
	uint8_t padding[16 - MV_CLASS_COUNT];
};

struct mv_table_rule {
	uint8_t class;     /* enum mv_class */
	uint8_t verdict;   /* enum mv_verdict: ALLOW, COPY, NEW, DENY, HIDE */
	uint8_t audit;     /* 1: recorded, matching goes on; only with DENY */
	uint8_t severity;  /* enum mv_severity */
	uint8_t terminate; /* 1: a deny by this rule ends the micro-VM */
	uint8_t reserved[3];
	uint32_t id_offset; /* rule id, not terminated */
	uint32_t id_bytes;  /* 1..MV_NAME_MAX - 1 */
	uint32_t pattern_first;
	uint32_t pattern_count; /* at least 1 */
};

struct mv_table_pattern {
	uint32_t offset;
	uint32_t bytes;
	uint32_t kind; /* enum mv_pattern_kind */
	uint32_t rule; /* whose it is */
};

/* Views of a checked table; plain data, owned by the caller, points into the table. */
struct mv_policy {
	const struct mv_table_header *header;
	const struct mv_table_rule *rules;
	const struct mv_table_pattern *patterns;
	const uint32_t *buckets; /* of the index */
	const uint32_t *order;
	const char *strings;
	bool has_audit;
};

struct mv_decision {
	uint8_t verdict;  /* enum mv_verdict; TERMINATE = deny and end the micro-VM */
	uint8_t severity; /* of the deciding rule; MV_LOW without one */
	uint16_t
		audit_hits; /* audit rules that matched before the decision, may exceed MV_AUDIT_MAX */
	int32_t rule;       /* index of the deciding rule, -1: the class's fallback */
	int32_t audit[MV_AUDIT_MAX];
};

/* Checks every count, offset, enum and string of the table and fills *policy. bytes must be 8-byte
 * aligned. -EBADMSG for anything wrong, -EFBIG above MV_TABLE_BYTES_MAX. bytes are borrowed. */
int mv_policy_init(struct mv_policy *policy, const void *bytes, size_t n)
	__attribute__((warn_unused_result));

/* The verdict for one access. First matching rule wins; audit rules are recorded and matching goes on.
 * A rule selects by object, and the operation is decided inside it: a write (WRITE, CREATE, DELETE,
 * RENAME) under ALLOW of class FILE is a deny by that rule, without falling through. An object that is
 * malformed (empty, longer than MV_PATH_MAX, a NUL, a FILE path that is not absolute or has an empty,
 * "." or ".." component) is denied with rule -1. */
void mv_arbitrate(const struct mv_policy *policy, const struct mv_access *access,
		  struct mv_decision *out);

/* A question of the view about a path; false for one that is malformed. */
typedef bool mv_policy_question(const struct mv_policy *policy, const char *path, size_t n);

/* Whether path is a proper ancestor of the literal prefix of some FILE pattern, so that the view shows
 * it as a folder on the way there. "/home" leads to "/home/user1/a.pdf" and to "/home/user1/.ssh". */
mv_policy_question mv_policy_leads_to;

/* Whether some FILE rule that opens (ALLOW, COPY, NEW) could select something below the folder path, "*"
 * and "**" included: "/a/b" may hold a match of "/a/?/c.pdf". */
mv_policy_question mv_policy_may_hold;

/* Whether everything at and below path is denied by one subtree rule, enforced, before any other rule
 * could allow it: the view then shows path as a sealed folder, so that what was reached for inside it
 * is reported by its full name. */
mv_policy_question mv_policy_is_sealed;

/* The rule's id, copied and terminated; "" for rule -1. out has MV_NAME_MAX bytes. */
void mv_policy_rule_id(const struct mv_policy *policy, int32_t rule, char out[MV_NAME_MAX]);

#endif
