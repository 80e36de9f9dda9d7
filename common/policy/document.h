/* A policy as read from its document: typed, in the arena, pointing into the document's tree. Internal to
 * common/policy; field.c says which key fills which member. */
#ifndef COMMON_POLICY_DOCUMENT_H
#define COMMON_POLICY_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/policy/arena.h"
#include "common/policy/node.h"

enum {
	POLICY_KIND_BASE = 1,
	POLICY_KIND_DELTA,
	POLICY_KIND_EXCEPTION
};

enum {
	SAVE_DISCARD = 1,
	SAVE_ASK,
	SAVE_KEEP
};

enum {
	MODE_ENFORCE = 1,
	MODE_AUDIT
};

enum {
	PROTO_TCP = 1,
	PROTO_UDP
};

enum test_target {
	TARGET_LOOKUP,
	TARGET_STAT,
	TARGET_OPEN,
	TARGET_READ,
	TARGET_LIST,
	TARGET_WRITE,
	TARGET_CREATE,
	TARGET_DELETE,
	TARGET_RENAME,
	TARGET_CONNECT,
	TARGET_COUNT
};

/* Objects of a list, one after the other. */
struct object_list {
	void *items;
	size_t count;
};

/* A rule of any class: what its class does not have stays 0. */
struct rule {
	const struct node *node;
	const char *id;
	const struct node *path; /* file, save: list of patterns */
	const struct node *host; /* net: list of patterns */
	const struct node *port; /* net: list of numbers */
	unsigned proto;          /* net: PROTO_* */
	unsigned action;         /* file, net: enum mv_verdict; save: SAVE_* */
	unsigned mode;           /* MODE_* */
	unsigned severity;       /* enum mv_severity */
	const char *attack;
	uint64_t max_bytes; /* save */
	bool unsealed;      /* save */
};

struct rules {
	const struct node *node;
	struct object_list file, net, save;
};

struct match {
	const struct node *node;
	const struct node *program;
	const struct node *file; /* NULL: any files, or none */
};

struct run {
	const struct node *node;
	const char *image;
	const char *level;
	uint64_t memory_bytes;
	uint64_t cpus;
	uint64_t lifetime_ms;
	uint64_t processes;
	uint64_t uid;
};

struct on_deny {
	const struct node *node;
	unsigned at_least; /* enum mv_severity */
	unsigned action;   /* MV_TERMINATE */
};

struct task {
	struct rules rules; /* first: its node is the task's */
	const char *id;
	const struct match *match;
	const struct run *run;
	const struct on_deny *on_deny; /* NULL: denies never end the micro-VM */
};

struct given {
	const struct node *node;
	const char *user;
	const char *home; /* NULL: /home/USER */
	const char *file; /* NULL: none */
};

struct expect {
	const struct node *node;
	unsigned verdict; /* enum mv_verdict */
	const char *rule; /* NULL: whichever */
};

struct test {
	const struct node *node;
	const char *task;
	const struct given *given;
	const char *targets[TARGET_COUNT]; /* exactly one is set */
	const struct expect *expect;
};

struct policy {
	const struct node *node;
	uint64_t version;
	unsigned kind;
	const char *id;
	const struct node *trust_levels;
	const char *default_task;
	const struct node *vars;   /* NULL: none */
	const struct rules *final; /* NULL: none */
	struct object_list tasks;  /* struct task */
	struct object_list tests;  /* struct test */
	struct arena arena;        /* owns all of it but this struct */
};

static inline struct task *policy_tasks(const struct policy *policy)
{
	return policy->tasks.items;
}

#endif
