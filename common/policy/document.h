/* A policy as read from its documents: typed, in the arena, pointing into the documents' trees. Internal to
 * common/policy; fields.c says which key fills which member. Every struct that a map of the language fills
 * begins with the map's node. */
#ifndef COMMON_POLICY_DOCUMENT_H
#define COMMON_POLICY_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/policy/arena.h"
#include "common/policy/node.h"
#include "common/policy/policy.h"

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
	TARGET_STDIO,
	TARGET_CONNECT,
	TARGET_RESOLVE,
	TARGET_COUNT
};

/* The lists of rules that a task has. class.c says what each is about. */
enum rule_class {
	RULES_FILE,
	RULES_STDIO,
	RULES_NET,
	RULES_DNS,
	RULES_SAVE,
	RULES_EXEC,
	RULES_CLIPBOARD,
	RULES_PRINT,
	RULES_DEVICE,
	RULES_RAISE,
	RULES_COUNT
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
	const struct node *objects; /* paths, hosts, ...: variables are resolved by merge.c */
	const struct node *port;    /* net: list of numbers */
	const struct node *to;      /* stdio: list of words; NULL = any */
	unsigned proto;             /* net: PROTO_* */
	unsigned action;            /* enum mv_verdict; save: SAVE_* */
	unsigned mode;              /* MODE_* */
	unsigned severity;          /* enum mv_severity */
	unsigned direction;         /* clipboard */
	unsigned who;               /* raise */
	const char *level;          /* raise */
	const char *attack;
	uint64_t max_bytes; /* save, clipboard */
	bool unsealed;      /* save */
	bool chord;         /* clipboard */
	bool reason;        /* raise */
	/* Filled by merge.c. */
	const struct layer *layer; /* whose rule it is */
	bool final;
};

struct rules {
	const struct node *node;
	struct object_list lists[RULES_COUNT]; /* struct rule */
};

struct origin {
	const struct node *node;
	const char *at_most; /* a trust level */
};

struct match {
	const struct node *node;
	const struct node *program;
	const struct node *file; /* NULL: any files, or none */
	const struct node *mime;
	const struct origin *origin;
};

struct window {
	const struct node *node;
	const char *border;
	const char *text;
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
	uint64_t instances;
	uint64_t quota_bytes;
	bool hidden;
	const struct window *window;
};

struct on_deny {
	const struct node *node;
	unsigned at_least; /* enum mv_severity */
	unsigned action;   /* MV_TERMINATE */
};

struct on_threat {
	const struct node *node;
	unsigned at_least;
	unsigned action;
	bool snapshot;
	bool upload;
};

struct task {
	struct rules rules; /* first: its node is the task's */
	const char *id;
	const struct match *match;
	const struct run *run;
	const struct on_deny *on_deny; /* NULL: denies never end the micro-VM */
	const struct on_threat *on_threat;
	/* Filled by merge.c. */
	const struct layer *layer; /* that defines it */
};

struct given {
	const struct node *node;
	const char *user;
	const char *home;   /* NULL: /home/USER */
	const char *file;   /* NULL: none */
	const char *device; /* NULL: none of a name */
	uint64_t at_s;      /* 0: before every end */
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

/* Where files come from, and the trust level that gives them. */
struct ingress {
	const struct node *node;
	const char *id;
	const struct node *path;
	const struct node *program;
	const struct node *host;
	const struct node *device;
	const char *level;
};

struct agent {
	const struct node *node;
	unsigned log;
	unsigned offline;
	uint64_t update_ms;
};

/* What a delta changes of another layer's rule; node->key is the rule's id. */
struct setting {
	const struct node *node;
	const char *action; /* a word of the rule's own class */
	unsigned mode;      /* 0: as it is */
	unsigned severity;  /* 0: as it is */
	const char *attack;
};

struct whom {
	const struct node *node;
	const struct node *users;
	const struct node *devices;
};

/* One document of the policy. */
struct layer {
	const struct node *node;
	uint64_t version;
	unsigned kind; /* enum policy_kind */
	const char *id;
	const char *extends;             /* delta, exception */
	const char *group;               /* delta */
	const struct node *trust_levels; /* base */
	const char *default_task;        /* base, delta; NULL: as it is */
	const struct node *vars;         /* NULL: none */
	const struct node *root_cas;
	const struct agent *agent;
	const struct rules *final;  /* base; NULL: none */
	struct object_list set;     /* delta: struct setting */
	struct object_list ingress; /* struct ingress */
	struct object_list tasks;   /* struct task */
	struct object_list tests;   /* struct test */
	const struct whom *whom;    /* exception */
	uint64_t until_s;           /* exception */
	const char *reason;         /* exception */
};

/* The effective policy: its layers as they are written, and what comes of them together. */
struct policy {
	struct layer *layers; /* base, deltas from the root to the leaf, exceptions */
	size_t layer_count;
	const char *default_task;
	struct rules final;
	struct object_list
		tasks; /* struct task, each with the rules of all layers in their order */
	struct object_list tests; /* struct test, of all layers */
	struct policy_errors notes;
	struct arena arena; /* owns all of it but this struct */
};

static inline struct task *policy_tasks(const struct policy *policy)
{
	return policy->tasks.items;
}

static inline struct rule *rules_of(const struct rules *rules, enum rule_class class)
{
	return rules->lists[class].items;
}

#endif
