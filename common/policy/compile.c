#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/policy/class.h"
#include "common/policy/document.h"
#include "common/policy/merge.h"
#include "common/policy/network.h"
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
	const struct rule *rule; /* whose objects are added */
};

static int add_path(void *context, const struct pattern *pattern)
{
	struct compiling *c = context;

	return table_add_pattern(&c->table, pattern);
}

static int add_text(struct compiling *c, const char *text)
{
	unsigned kind = strpbrk(text, "*?") ? MV_PATTERN_GLOB : MV_PATTERN_EXACT;

	return table_add_pattern(&c->table,
				 &(struct pattern){.kind = kind, .text = text, .n = strlen(text)});
}

/* "tcp:HOST:port" for each port of the rule; host is what stands between the colons of an object
 * (network.h). */
static int add_ports(struct compiling *c, const char *host)
{
	const char *proto = c->rule->proto == PROTO_UDP ? "udp" : "tcp";
	int r = 0;

	for (const struct node *port = c->rule->port->first; port && r == 0; port = port->next) {
		char text[NETWORK_OBJECT_MAX];
		uint64_t number = 0;

		(void)scalar_number(port->text, &number); /* read.c found it to be one */
		(void)snprintf(text, sizeof(text), "%s:%s:%u", proto, host, (unsigned)number);
		r = add_text(c, text);
	}
	return r;
}

/* Whatever the name that was asked for, or without one. */
static int add_addresses(void *context, const char *addresses)
{
	char host[48];

	(void)snprintf(host, sizeof(host), "%s*", addresses);
	return add_ports(context, host);
}

static int add_host(void *context, const char *item)
{
	struct network network;
	char host[264];

	if (network_is_meant(item))
		return network_parse(item, &network) /* pattern.c found it to be one */
			       ? network_patterns(&network, add_addresses, context)
			       : -EINVAL;
	if (!strcmp(item, "*"))
		return add_ports(context, "*");
	(void)snprintf(host, sizeof(host), "[*].%s", item); /* a name has at most 255 bytes */
	return add_ports(context, host);
}

/* "stdout" is what a micro-VM asks for at each write, when nobody knows any more what is behind it; "stdout:file"
 * what the agent asks for at the launch. A rule about files has nothing to say of the first. */
static int add_stream(void *context, const char *stream)
{
	struct compiling *c = context;
	const struct node *end = c->rule->to ? c->rule->to->first : NULL;
	char text[32];
	int r = 0;

	if (!end) {
		r = add_text(c, stream);
		(void)snprintf(text, sizeof(text), "%s:*", stream);
		return r < 0 ? r : add_text(c, text);
	}
	for (; end && r == 0; end = end->next) {
		(void)snprintf(text, sizeof(text), "%s:%s", stream, end->text);
		r = add_text(c, text);
	}
	return r;
}

static int add_name(void *context, const char *host)
{
	return network_is_meant(host) ? 0 : add_text(context, host);
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

static unsigned verdict_of(enum rule_class class, const struct rule *rule)
{
	static const unsigned saves[] = {
		[SAVE_DISCARD] = MV_HIDE, [SAVE_ASK] = MV_COPY, [SAVE_KEEP] = MV_ALLOW};

	return class == RULES_SAVE ? saves[rule->action] : rule->action;
}

static int add_patterns(struct compiling *c, enum rule_class class, const struct rule *rule)
{
	item_fn *add = class == RULES_NET ? add_host : class == RULES_STDIO ? add_stream : add_name;

	if (class == RULES_FILE || class == RULES_SAVE)
		return pattern_expand(c->request, rule->objects, add_path, c);
	return pattern_items(rule->objects, add, c);
}

static int add_list(struct compiling *c, enum rule_class class, const struct rules *rules)
{
	const struct rule *list = rules_of(rules, class);
	unsigned decides = rule_classes[class].class;
	int r = 0;

	for (size_t i = 0; i < rules->lists[class].count && r == 0; i++) {
		c->rule = &list[i];
		if (!policy_layer_applies(list[i].layer, c->request))
			continue;
		r = add_patterns(c, class, &list[i]);
		if (r == 0)
			r = add_rule(c, &list[i], decides, verdict_of(class, &list[i]));
	}
	return r;
}

/* Who may be connected to may be asked for by name. Behind the rules about names themselves. */
static int add_names_of_net(struct compiling *c, const struct rules *rules)
{
	const struct rule *list = rules_of(rules, RULES_NET);
	int r = 0;

	for (size_t i = 0; i < rules->lists[RULES_NET].count && r == 0; i++) {
		if (list[i].action != MV_ALLOW || !policy_layer_applies(list[i].layer, c->request))
			continue;
		r = pattern_items(list[i].objects, add_name, c);
		if (r == 0)
			r = add_rule(c, &list[i], MV_CLASS_DNS, MV_ALLOW);
	}
	return r;
}

static int add_rules(struct compiling *c, const struct rules *rules)
{
	int r = 0;

	for (enum rule_class class = 0; class < RULES_COUNT && r == 0; class ++) {
		if (class_is_enforced(class))
			r = add_list(c, class, rules);
	}
	return r == 0 ? add_names_of_net(c, rules) : r;
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

	memcpy(header.policy_id, policy_id(c->policy), strlen(policy_id(c->policy)));
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
	r = add_rules(&c, &policy->final);
	if (r == 0)
		r = add_rules(&c, &c.task->rules);
	if (r == 0) {
		struct mv_table_header header = header_of(&c, serial);

		r = table_put(&c.table, &header, out);
	}
	table_release(&c.table);
	return r;
}
