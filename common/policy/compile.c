#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/policy/document.h"
#include "common/policy/pattern.h"
#include "common/policy/policy.h"
#include "common/policy/scalar.h"
#include "common/policy/table.h"
#include "microvisor/arbiter/path.h"

struct compiling {
	const struct policy *policy;
	const struct policy_request *request;
	const struct task *task;
	struct table table;
	const struct rule *rule; /* whose hosts are added */
};

static int add_path(void *context, const struct pattern *pattern)
{
	struct compiling *c = context;

	return table_add_pattern(&c->table, pattern);
}

static int add_text(struct compiling *c, const char *text)
{
	unsigned kind = strchr(text, '*') ? MV_PATTERN_GLOB : MV_PATTERN_EXACT;

	return table_add_pattern(&c->table,
				 &(struct pattern){.kind = kind, .text = text, .n = strlen(text)});
}

/* "tcp:host:port" for each port of the rule. */
static int add_host(void *context, const char *host)
{
	struct compiling *c = context;
	const char *proto = c->rule->proto == PROTO_UDP ? "udp" : "tcp";
	int r = 0;

	for (const struct node *port = c->rule->port->first; port && r == 0; port = port->next) {
		char text[300];
		uint64_t number = 0;

		(void)scalar_number(port->text, &number); /* read.c found it to be one */
		(void)snprintf(text, sizeof(text), "%s:%s:%u", proto, host, (unsigned)number);
		r = add_text(c, text);
	}
	return r;
}

static int add_name(void *context, const char *host)
{
	return add_text(context, host);
}

static struct mv_table_rule row_of(const struct compiling *c, const struct rule *rule,
				   unsigned class, unsigned verdict)
{
	const struct on_deny *on_deny = c->task->on_deny;
	bool audit = rule->mode == MODE_AUDIT;
	struct mv_table_rule row = {.class = (uint8_t) class,
				    .verdict = (uint8_t)verdict,
				    .audit = audit,
				    .severity = (uint8_t)rule->severity};

	if (class == MV_CLASS_SAVE)
		row.severity = MV_LOW; /* save rules have none */
	row.terminate =
		verdict == MV_DENY && !audit && on_deny && rule->severity >= on_deny->at_least;
	return row;
}

static int add_rule(struct compiling *c, const struct rule *rule, unsigned class, unsigned verdict)
{
	struct mv_table_rule row = row_of(c, rule, class, verdict);

	return table_add_rule(&c->table, &row, rule->id);
}

static int add_file_rules(struct compiling *c, const struct object_list *list)
{
	const struct rule *rules = list->items;
	int r = 0;

	for (size_t i = 0; i < list->count && r == 0; i++) {
		r = pattern_expand(c->policy, c->request, rules[i].path, add_path, c);
		if (r == 0)
			r = add_rule(c, &rules[i], MV_CLASS_FILE, rules[i].action);
	}
	return r;
}

static int add_net_rules(struct compiling *c, const struct object_list *list)
{
	const struct rule *rules = list->items;
	int r = 0;

	for (size_t i = 0; i < list->count && r == 0; i++) {
		c->rule = &rules[i];
		r = pattern_items(c->policy, rules[i].host, add_host, c);
		if (r == 0)
			r = add_rule(c, &rules[i], MV_CLASS_NET, rules[i].action);
		if (r < 0 || rules[i].action != MV_ALLOW)
			continue;
		/* Who may be connected to may be asked for by name. */
		r = pattern_items(c->policy, rules[i].host, add_name, c);
		if (r == 0)
			r = add_rule(c, &rules[i], MV_CLASS_DNS, MV_ALLOW);
	}
	return r;
}

/* Each of them discards: what else a rule may say is refused when it is read. */
static int add_save_rules(struct compiling *c, const struct object_list *list)
{
	const struct rule *rules = list->items;
	int r = 0;

	for (size_t i = 0; i < list->count && r == 0; i++) {
		r = pattern_expand(c->policy, c->request, rules[i].path, add_path, c);
		if (r == 0)
			r = add_rule(c, &rules[i], MV_CLASS_SAVE, MV_HIDE);
	}
	return r;
}

static int add_rules(struct compiling *c, const struct rules *rules)
{
	int r = add_file_rules(c, &rules->file);

	if (r == 0)
		r = add_net_rules(c, &rules->net);
	if (r == 0)
		r = add_save_rules(c, &rules->save);
	return r;
}

/* The caller's facts are the kernel's words, but a table with a bad path in it would be refused later,
 * far from the cause. */
static bool is_request(const struct policy_request *request)
{
	if (!request->home || !mv_path_is_canonical(request->home, strlen(request->home)) ||
	    !request->home[1] || request->file_count > POLICY_FILES_MAX)
		return false;
	for (size_t i = 0; i < request->file_count; i++) {
		if (!mv_path_is_canonical(request->files[i], strlen(request->files[i])))
			return false;
	}
	return true;
}

static struct mv_table_header header_of(const struct compiling *c, uint64_t serial)
{
	struct mv_table_header header = {.serial = serial,
					 .fallback = {[MV_CLASS_FILE] = MV_HIDE,
						      [MV_CLASS_STDIO] = MV_ALLOW,
						      [MV_CLASS_NET] = MV_DENY,
						      [MV_CLASS_DNS] = MV_DENY,
						      [MV_CLASS_PORT] = MV_DENY,
						      [MV_CLASS_MMIO] = MV_DENY,
						      [MV_CLASS_MSR] = MV_DENY,
						      [MV_CLASS_HYPERCALL] = MV_DENY,
						      [MV_CLASS_MACHINE] = MV_TERMINATE,
						      [MV_CLASS_SAVE] = MV_HIDE}};

	memcpy(header.policy_id, c->policy->id, strlen(c->policy->id));
	memcpy(header.task_id, c->task->id, strlen(c->task->id));
	return header;
}

int policy_compile(const struct policy *policy, size_t n, const struct policy_request *request,
		   uint64_t serial, struct buf *out)
{
	struct compiling c = {.policy = policy, .request = request};
	int r = 0;

	if (n >= policy->tasks.count || !is_request(request))
		return -EINVAL;
	c.task = &policy_tasks(policy)[n];
	if (policy->final)
		r = add_rules(&c, policy->final);
	if (r == 0)
		r = add_rules(&c, &c.task->rules);
	if (r == 0) {
		struct mv_table_header header = header_of(&c, serial);

		r = table_put(&c.table, &header, out);
	}
	table_release(&c.table);
	return r;
}
