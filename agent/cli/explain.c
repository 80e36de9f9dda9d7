#include "agent/cli/explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/words.h"
#include "common/log.h"
#include "common/policy/words.h"
#include "microvisor/arbiter/access.h"

/* The word of an operation, for a sentence "it tried to ... PATH". */
static const char *const tried[MV_OP_COUNT] = {
	[MV_OP_LOOKUP] = "look up", [MV_OP_STAT] = "look at",       [MV_OP_OPEN] = "open",
	[MV_OP_READ] = "read",      [MV_OP_WRITE] = "write",        [MV_OP_CREATE] = "create",
	[MV_OP_DELETE] = "delete",  [MV_OP_RENAME] = "rename",      [MV_OP_LIST] = "list",
	[MV_OP_EXEC] = "execute",   [MV_OP_CONNECT] = "connect to", [MV_OP_IN] = "read port",
	[MV_OP_OUT] = "write port",
};

static const char *const outcomes[MV_VERDICT_COUNT] = {
	[MV_ALLOW] = "allowed",
	[MV_COPY] = "allowed on a copy",
	[MV_NEW] = "allowed for new files",
	[MV_DENY] = "refused",
	[MV_HIDE] = "hidden: to the task it does not exist",
	[MV_TERMINATE] = "refused, and the micro-VM ended",
};

static const char *or_other(const char *word)
{
	return word ? word : "other";
}

static const char *outcome(const struct agent_rep_event *e)
{
	if (e->audit)
		return "would be refused; the rule is in audit mode";
	return or_other(e->verdict < MV_VERDICT_COUNT ? outcomes[e->verdict] : NULL);
}

void agent_explain_vm(const struct agent_rep_vm *vm)
{
	char program[600];

	printf("%s: %s, task %s, image %s, program %s\n", vm->id, agent_state_word(vm->state),
	       vm->task, vm->image,
	       log_quote(program, sizeof(program), vm->program,
			 strnlen(vm->program, sizeof(vm->program))));
	if (vm->end)
		printf("it ended because %s\n", agent_end_text(vm->end));
	if (vm->events == 0)
		puts("nothing was refused");
}

void agent_explain_event(const struct agent_rep_event *e)
{
	char object[4 * MV_PATH_MAX + 8];
	char count[48] = "";
	char clock[16] = "";
	time_t s = (time_t)(e->wall_clock_ns / 1000000000u);
	struct tm tm;

	if (gmtime_r(&s, &tm))
		(void)strftime(clock, sizeof(clock), "%H:%M:%SZ ", &tm);
	if (e->count > 1)
		(void)snprintf(count, sizeof(count), ", %" PRIu64 " times", e->count);
	printf("%sit tried to %s %s%s: %s", clock,
	       or_other(e->op < MV_OP_COUNT && tried[e->op] ? tried[e->op] : NULL),
	       log_quote(object, sizeof(object), e->object, e->object_bytes), count, outcome(e));
	if (e->rule[0])
		printf(" by rule %s of policy %s serial %" PRIu64 "\n", e->rule, e->policy_id,
		       e->serial);
	else
		printf(", no rule of policy serial %" PRIu64 " opens it\n", e->serial);
	if (e->dropped)
		printf("         %" PRIu64 " more were too many to be told one by one\n",
		       e->dropped);
}

json_t *agent_explain_json(const struct agent_rep_event *e)
{
	char object[4 * MV_PATH_MAX + 8];

	log_quote(object, sizeof(object), e->object, e->object_bytes);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:I, s:I, s:I, s:s}", "class",
			 or_other(words_class(e->class)), "operation", or_other(words_op(e->op)),
			 "object", object, "verdict", or_other(words_verdict(e->verdict)),
			 "severity", or_other(words_severity(e->severity)), "audit", e->audit,
			 "rule", e->rule, "policy_serial", (json_int_t)e->serial, "count",
			 (json_int_t)e->count, "dropped", (json_int_t)e->dropped, "exit_reason",
			 agent_exit_word(e->exit_reason));
}
