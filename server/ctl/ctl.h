/* ampoulectl: the admin's command line, a client of the public REST API and of nothing else.
 *
 * One thread. commands.c holds the one table of subcommands; each handler asks the server through ask.h
 * and prints: for people a table or a sentence, with --json what the server answered. What comes from the
 * server is foreign: it is quoted before a terminal sees it. */
#ifndef SERVER_CTL_CTL_H
#define SERVER_CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/cleanup.h"

enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILED = 1,      /* refused or failed; said why on stderr */
	CTL_USAGE = 2,       /* the command line is wrong */
	CTL_UNREACHABLE = 3, /* no connection to the server */
	CTL_FORBIDDEN = 4    /* not logged in, or not allowed */
};

enum {
	CTL_OPTIONS_MAX = 16,
	CTL_WORDS_MAX = 4,
	CTL_VALUE_MAX = 400, /* bytes of an option's value, unless it is a FILE */
	CTL_WORD_MAX = 4096
};

struct ctl_option {
	const char *name;  /* "--group"; NULL ends a table */
	const char *value; /* "GROUP", or NULL for a flag */
	const char *help;
};

struct ctl_client;

/* One run of one subcommand. */
struct ctl_call {
	const struct ctl_command *command;
	bool json; /* --json */
	const char
		*options[CTL_OPTIONS_MAX]; /* by place in the command's table; NULL = not given */
	size_t word_count;
	const char *words[CTL_WORDS_MAX];
	FILE *in, *out, *err;      /* borrowed: stdin, stdout, stderr */
	struct ctl_client *client; /* owned; opened by the first question (ask.h) */
};

struct ctl_command {
	const char *name;     /* "policy apply" */
	const char *synopsis; /* "FILE [--group GROUP]" */
	const char *help;     /* sentences */
	const struct ctl_option *options;
	size_t words_min, words_max;
	enum ctl_exit (*run)(struct ctl_call *call);
};

extern const struct ctl_command ctl_commands[];
extern const size_t ctl_command_count;

/* Runs a command line; returns the exit status. */
int ctl_run(int argc, const char *const *argv, FILE *in, FILE *out, FILE *err);

/* Says what is wrong with the command line and how to learn more; gives CTL_USAGE. */
enum ctl_exit ctl_misused(struct ctl_call *call, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* "ampoulectl: ..." on err; gives CTL_FAILED. */
enum ctl_exit ctl_fail(struct ctl_call *call, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Reads option i as a number within bounds; keeps *ret when it is not given. CTL_OK or CTL_USAGE. */
enum ctl_exit ctl_number(struct ctl_call *call, size_t i, long long min, long long max,
			 long long *ret) must_check;

/* The subcommands' handlers, by file. */
enum ctl_exit ctl_login(struct ctl_call *call);
enum ctl_exit ctl_logout(struct ctl_call *call);
enum ctl_exit ctl_whoami(struct ctl_call *call);
enum ctl_exit ctl_person_add(struct ctl_call *call);
enum ctl_exit ctl_person_ls(struct ctl_call *call);
enum ctl_exit ctl_person_role(struct ctl_call *call);
enum ctl_exit ctl_person_disable(struct ctl_call *call);
enum ctl_exit ctl_person_enable(struct ctl_call *call);
enum ctl_exit ctl_approval_ls(struct ctl_call *call);
enum ctl_exit ctl_approval_show(struct ctl_call *call);
enum ctl_exit ctl_approval_approve(struct ctl_call *call);
enum ctl_exit ctl_approval_refuse(struct ctl_call *call);
enum ctl_exit ctl_approval_emergency(struct ctl_call *call);
enum ctl_exit ctl_approval_review(struct ctl_call *call);
enum ctl_exit ctl_four_eyes(struct ctl_call *call);
enum ctl_exit ctl_audit_ls(struct ctl_call *call);
enum ctl_exit ctl_audit_verify(struct ctl_call *call);
enum ctl_exit ctl_policy_apply(struct ctl_call *call);
enum ctl_exit ctl_policy_get(struct ctl_call *call);
enum ctl_exit ctl_policy_ls(struct ctl_call *call);
enum ctl_exit ctl_policy_check(struct ctl_call *call);
enum ctl_exit ctl_policy_rm(struct ctl_call *call);
enum ctl_exit ctl_policy_export(struct ctl_call *call);
enum ctl_exit ctl_policy_history(struct ctl_call *call);
enum ctl_exit ctl_policy_rollback(struct ctl_call *call);
enum ctl_exit ctl_policy_diff(struct ctl_call *call);
enum ctl_exit ctl_policy_rules(struct ctl_call *call);
enum ctl_exit ctl_exception_from_event(struct ctl_call *call);
enum ctl_exit ctl_group_ls(struct ctl_call *call);
enum ctl_exit ctl_group_put(struct ctl_call *call);
enum ctl_exit ctl_device_ls(struct ctl_call *call);
enum ctl_exit ctl_device_show(struct ctl_call *call);
enum ctl_exit ctl_device_set(struct ctl_call *call);
enum ctl_exit ctl_device_approve(struct ctl_call *call);
enum ctl_exit ctl_device_revoke(struct ctl_call *call);
enum ctl_exit ctl_device_retire(struct ctl_call *call);
enum ctl_exit ctl_event_ls(struct ctl_call *call);
enum ctl_exit ctl_image_push(struct ctl_call *call);
enum ctl_exit ctl_image_ls(struct ctl_call *call);
enum ctl_exit ctl_image_trust_key(struct ctl_call *call);
enum ctl_exit ctl_token_new_enrol(struct ctl_call *call);
enum ctl_exit ctl_token_new_api(struct ctl_call *call);
enum ctl_exit ctl_token_ls(struct ctl_call *call);
enum ctl_exit ctl_token_revoke(struct ctl_call *call);

#endif
