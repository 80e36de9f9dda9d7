#include "agent/cli/report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "agent/cli/connection.h"
#include "agent/cli/explain.h"
#include "agent/cli/text.h"
#include "agent/words.h"
#include "common/log.h"
#include "microvisor/microvisor.h"

/* Every list is gathered as JSON values first; text is printed from the structs as they come, so that
 * both forms say the same. */

typedef void on_item(const union agent_any_rep *reply, json_t *list);

static int fail(const struct err *err)
{
	char quoted[sizeof(err->text) * 2];

	fprintf(stderr, "ampoule: %s\n",
		log_quote(quoted, sizeof(quoted), err->text, strlen(err->text)));
	return 1;
}

static int print_json(json_t *root)
{
	int r = root ? json_dumpf(root, stdout, JSON_INDENT(2)) : -1;

	json_decref(root);
	puts("");
	return r < 0 || fflush(stdout) != 0 ? 1 : 0;
}

/* Asks and hands each item of the answer to handle until its end. */
static int ask(unsigned type, const char *id, on_item *handle, json_t *list, struct err *err)
{
	cleanup_free union agent_any_rep *reply = calloc(1, sizeof(*reply));
	cleanup_fd int sock = agent_connect(err);
	int r = sock < 0 ? sock : agent_ask(sock, type, 0, id, err);

	if (!reply)
		return err_set(err, -ENOMEM, "out of memory");
	while (r == 0) {
		r = agent_receive(sock, reply, err);
		if (r < 0)
			break;
		if (reply->type == AGENT_REP_END || reply->type == AGENT_REP_OK)
			return 0;
		if (reply->type == AGENT_REP_REFUSED)
			return err_set(err, -EACCES, "%s", reply->rep.text);
		handle(reply, list);
	}
	return r;
}

static json_t *vm_json(const struct agent_rep_vm *vm)
{
	char time[32];

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s}", "id", vm->id, "state",
			 agent_state_word(vm->state), "task", vm->task, "image", vm->image,
			 "program", vm->program, "started", agent_text_when(vm->started_ns, time),
			 "refused", (json_int_t)vm->events, "policy_serial",
			 (json_int_t)vm->policy_serial, "end",
			 vm->end ? agent_end_text(vm->end) : "");
}

static void on_vm(const union agent_any_rep *reply, json_t *list)
{
	const struct agent_rep_vm *vm = &reply->vm;
	char time[32];

	if (list) {
		(void)!json_array_append_new(list, vm_json(vm)); /* NULL only without memory */
		return;
	}
	printf("%-20s %-8s %-12s %-14s %-21s %-8" PRIu64 " %s\n", vm->id,
	       agent_state_word(vm->state), vm->task, vm->image,
	       agent_text_when(vm->started_ns, time), vm->events, vm->program);
}

int agent_command_ls(bool json)
{
	struct err err = {0};
	json_t *list = json ? json_array() : NULL;

	if (!json)
		printf("%-20s %-8s %-12s %-14s %-21s %-8s %s\n", "ID", "STATE", "TASK", "IMAGE",
		       "STARTED", "REFUSED", "PROGRAM");
	if (ask(AGENT_REQ_LS, NULL, on_vm, list, &err) < 0) {
		json_decref(list);
		return fail(&err);
	}
	return json ? print_json(json_pack("{s:o}", "vms", list)) : 0;
}

static json_t *status_json(const struct agent_rep_status *s)
{
	char digest[65] = "";
	char applied[32];

	for (int i = 0; s->policy_serial && i < 32; i++)
		(void)snprintf(digest + 2 * i, 3, "%02x", s->policy_digest[i]);
	return json_pack(
		"{s:b, s:b, s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:i, s:i, s:I, s:s, s:o, "
		"s:[], s:[]}",
		"enrolled", s->enrolled, "connected", s->connected, "server", s->server, "link",
		s->link_text, "device", s->device_id, "group", s->group, "isolation", s->isolation,
		"isolation_text", s->isolation_text, "jail", s->jail_text, "running", s->running,
		"shells", s->shells, "queue", (json_int_t)s->queue_events, "queue_oldest",
		agent_text_when(s->queue_oldest_ns, applied), "policy",
		s->policy_serial
			? json_pack("{s:s, s:I, s:s, s:s}", "id", s->policy_id, "serial",
				    (json_int_t)s->policy_serial, "digest", digest, "applied",
				    agent_text_when(s->policy_applied_ns, applied))
			: json_null(),
		"images", "templates");
}

static void status_text(const struct agent_rep_status *s)
{
	char time[32];
	char quoted[AGENT_TEXT_MAX * 2];

	if (!s->enrolled)
		puts("server     not enrolled");
	else if (s->connected)
		printf("server     %s, connected as %s, group %s\n", s->server, s->device_id,
		       s->group);
	else
		printf("server     %s, not connected: %s\n", s->server,
		       log_quote(quoted, sizeof(quoted), s->link_text, strlen(s->link_text)));
	if (s->policy_serial)
		printf("policy     %s serial %" PRIu64 " digest %02x%02x%02x%02x..., since %s\n",
		       s->policy_id, s->policy_serial, s->policy_digest[0], s->policy_digest[1],
		       s->policy_digest[2], s->policy_digest[3],
		       agent_text_when(s->policy_applied_ns, time));
	else
		puts("policy     none: every task is refused");
	printf("isolation  %s\n", s->isolation
					  ? "available (/dev/kvm)"
					  : log_quote(quoted, sizeof(quoted), s->isolation_text,
						      strlen(s->isolation_text)));
	if (s->jail_text[0])
		printf("jail       %s\n",
		       log_quote(quoted, sizeof(quoted), s->jail_text, strlen(s->jail_text)));
	printf("events     %" PRIu64 " waiting for the server\n", s->queue_events);
	printf("running    %u micro-VMs of yours, %u made ahead\n", s->running, s->shells);
}

static const char *template_word(uint32_t state)
{
	static const char *const words[] = {[AGENT_TEMPLATE_WAITING] = "waiting",
					    [AGENT_TEMPLATE_MAKING] = "making",
					    [AGENT_TEMPLATE_READY] = "ready",
					    [AGENT_TEMPLATE_FAILED] = "failed"};

	return state < sizeof(words) / sizeof(words[0]) ? words[state] : "unknown";
}

static void on_template(const struct agent_rep_template *t, json_t *root)
{
	char quoted[AGENT_TEXT_MAX * 2];

	if (root) {
		(void)!json_array_append_new(json_object_get(root, "templates"),
					     json_pack("{s:s, s:I, s:s, s:I, s:i, s:I, s:i, s:s}",
						       "image", t->image, "version",
						       (json_int_t)t->version, "state",
						       template_word(t->state), "memory_bytes",
						       (json_int_t)t->memory_bytes, "cpus", t->cpus,
						       "used_bytes", (json_int_t)t->used_bytes,
						       "failures", t->failures, "text", t->text));
		return;
	}
	printf("template   %s version %" PRIu64 ", %" PRIu64 " MiB, %u CPU: %s%s%s\n", t->image,
	       t->version, t->memory_bytes >> 20, t->cpus, template_word(t->state),
	       t->text[0] ? ": " : "", log_quote(quoted, sizeof(quoted), t->text, strlen(t->text)));
}

static void on_status(const union agent_any_rep *reply, json_t *root)
{
	const struct agent_rep_image *image = &reply->image;
	char quoted[AGENT_TEXT_MAX * 2];

	if (reply->type == AGENT_REP_STATUS && root) {
		json_t *status = status_json(&reply->status);

		(void)!json_object_update(root, status); /* fails without memory only */
		json_decref(status);
	} else if (reply->type == AGENT_REP_STATUS) {
		status_text(&reply->status);
	} else if (reply->type == AGENT_REP_TEMPLATE) {
		on_template(&reply->template, root);
	} else if (root) {
		(void)!json_array_append_new(
			json_object_get(root, "images"),
			json_pack("{s:s, s:b, s:I, s:I, s:I, s:s}", "name", image->name, "ready",
				  image->ready, "version", (json_int_t)image->version, "have_bytes",
				  (json_int_t)image->have_bytes, "total_bytes",
				  (json_int_t)image->total_bytes, "text", image->text));
	} else if (image->ready) {
		printf("image      %s version %" PRIu64 ", ready\n", image->name, image->version);
	} else {
		printf("image      %s %" PRIu64 " of %" PRIu64 " MiB: %s\n", image->name,
		       image->have_bytes >> 20, image->total_bytes >> 20,
		       log_quote(quoted, sizeof(quoted), image->text, strlen(image->text)));
	}
}

int agent_command_status(bool json)
{
	struct err err = {0};
	json_t *root = json ? json_object() : NULL;

	if (ask(AGENT_REQ_STATUS, NULL, on_status, root, &err) < 0) {
		json_decref(root);
		return fail(&err);
	}
	return json ? print_json(root) : 0;
}

static void on_explained(const union agent_any_rep *reply, json_t *root)
{
	if (reply->type == AGENT_REP_VM && root) {
		(void)!json_object_set_new(root, "vm", vm_json(&reply->vm));
		(void)!json_object_set_new(root, "events", json_array());
	} else if (reply->type == AGENT_REP_VM) {
		agent_explain_vm(&reply->vm);
	} else if (reply->type == AGENT_REP_EVENT && root) {
		(void)!json_array_append_new(json_object_get(root, "events"),
					     agent_explain_json(&reply->event));
	} else if (reply->type == AGENT_REP_EVENT) {
		agent_explain_event(&reply->event);
	}
}

int agent_command_explain(bool json, const char *id)
{
	struct err err = {0};
	json_t *root = json ? json_object() : NULL;

	if (ask(AGENT_REQ_EXPLAIN, id, on_explained, root, &err) < 0) {
		json_decref(root);
		return fail(&err);
	}
	return json ? print_json(root) : 0;
}

static void on_nothing(const union agent_any_rep *reply, json_t *root)
{
	(void)reply; /* stopping is answered by one word, which ends the wait */
	(void)root;
}

int agent_command_stop(const char *id)
{
	struct err err = {0};

	return ask(AGENT_REQ_STOP, id, on_nothing, NULL, &err) < 0 ? fail(&err) : 0;
}
