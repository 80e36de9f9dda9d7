#include <string.h>

#include "server/ctl/ask.h"
#include "server/ctl/text.h"

enum {
	O_GROUP,
	O_STATE
};

enum set_option {
	S_NAME,
	S_LABELS
};

enum {
	LIST_MAX = 1000000
};

/* "4", "4 (wants 5)", "none", "failed 5 (reason)": where a device stands, in one cell. */
static const char *policy_cell(char *out, size_t cap, const json_t *device)
{
	char desired[24], applied[24], failed[24], reason[200];

	ctl_text(desired, sizeof(desired), device, "policy.desired.serial");
	ctl_text(applied, sizeof(applied), device, "policy.applied.serial");
	ctl_text(failed, sizeof(failed), device, "policy.failed.serial");
	ctl_text(reason, sizeof(reason), device, "policy.failed.reason");
	if (failed[0] && !strcmp(failed, desired))
		snprintf(out, cap, "%s, failed %s: %s", applied[0] ? applied : "none", failed,
			 reason);
	else if (!strcmp(desired, applied))
		snprintf(out, cap, "%s", applied);
	else
		snprintf(out, cap, "%s, wants %s", applied[0] ? applied : "none",
			 desired[0] ? desired : "none");
	return out;
}

static void print_list(struct ctl_call *call, const json_t *list)
{
	static const char *const head[] = {"ID",        "HOSTNAME",  "GROUP",  "STATE",
					   "LAST SEEN", "ISOLATION", "POLICY", NULL};
	struct ctl_table table;
	char cell[CTL_CELL_MAX];
	const json_t *row;
	size_t i;

	ctl_table_start(&table, head);
	json_array_foreach(list, i, row)
	{
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "id"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "hostname"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "group"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "state"));
		ctl_table_cell(&table, ctl_time(cell, sizeof(cell), row, "last_seen"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "isolation"));
		ctl_table_cell(&table, policy_cell(cell, sizeof(cell), row));
	}
	ctl_table_finish(&table, call->out);
}

static void print_phase(struct ctl_call *call, const json_t *device, const char *phase)
{
	char path[64], serial[24], more[300], at[40];

	snprintf(path, sizeof(path), "policy.%s.serial", phase);
	ctl_text(serial, sizeof(serial), device, path);
	snprintf(path, sizeof(path), "policy.%s.%s", phase,
		 strcmp(phase, "failed") ? "digest" : "reason");
	ctl_text(more, sizeof(more), device, path);
	snprintf(path, sizeof(path), "policy.%s.at", phase);
	ctl_time(at, sizeof(at), device, path);
	if (serial[0])
		fprintf(call->out, "%-20s serial %s  %s  %s\n", phase, serial, more, at);
	else
		fprintf(call->out, "%-20s -\n", phase);
}

static void print_labels(struct ctl_call *call, const json_t *device)
{
	const json_t *labels = json_object_get(device, "labels"), *label;
	size_t i;

	fprintf(call->out, "%-20s ", "labels");
	json_array_foreach(labels, i, label)
	{
		json_t *wrapped = json_pack("{s:O}", "label", label);
		char text[80];

		fprintf(call->out, "%s%s", i ? "," : "",
			ctl_text(text, sizeof(text), wrapped, "label"));
		json_decref(wrapped);
	}
	fputc('\n', call->out);
}

/* "3 of 4" for the counts of a noun. */
static void print_ready(struct ctl_call *call, const json_t *device, const char *noun)
{
	char path[64], all[24], ready[24];

	snprintf(path, sizeof(path), "health.%s", noun);
	ctl_text(all, sizeof(all), device, path);
	snprintf(path, sizeof(path), "health.%s_ready", noun);
	ctl_text(ready, sizeof(ready), device, path);
	fprintf(call->out, "%-20s %s of %s ready\n", noun, ready, all);
}

static void print_health(struct ctl_call *call, const json_t *device)
{
	static const char *const texts[] = {"isolation_reason", "link_version", "microvisor",
					    "kernel",           "running",      "clock_skew_ms",
					    "backlog"};
	char path[64], cell[CTL_CELL_MAX];

	if (!json_is_object(json_object_get(device, "health"))) {
		fprintf(call->out, "%-20s never told\n", "health");
		return;
	}
	fprintf(call->out, "%-20s %s\n", "health of",
		ctl_time(cell, sizeof(cell), device, "health.reported_at"));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		snprintf(path, sizeof(path), "health.%s", texts[i]);
		fprintf(call->out, "%-20s %s\n", texts[i],
			ctl_text(cell, sizeof(cell), device, path));
	}
	fprintf(call->out, "%-20s %s\n", "backlog_since",
		ctl_time(cell, sizeof(cell), device, "health.backlog_since"));
	print_ready(call, device, "images");
	print_ready(call, device, "templates");
}

static void print_one(struct ctl_call *call, const json_t *device)
{
	static const char *const texts[] = {"id",        "hostname", "name",
					    "group",     "state",    "version",
					    "isolation", "replaces", "replaced_by"};
	static const char *const times[] = {"last_seen", "enrolled_at", "certificate_expires"};
	static const char *const phases[] = {"desired", "received", "applied", "failed"};
	char cell[CTL_CELL_MAX];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		fprintf(call->out, "%-20s %s\n", texts[i],
			ctl_text(cell, sizeof(cell), device, texts[i]));
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		fprintf(call->out, "%-20s %s\n", times[i],
			ctl_time(cell, sizeof(cell), device, times[i]));
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++)
		print_phase(call, device, phases[i]);
	print_labels(call, device);
	print_health(call, device);
}

static enum ctl_exit show(struct ctl_call *call)
{
	struct ctl_path path;
	json_t *json = NULL;

	ctl_path_set(&path, "/devices");
	ctl_path_component(&path, call->words[0]);
	enum ctl_exit r = ctl_ask(call, "GET", path.text, NULL, &json);

	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_json(call, json);
	print_one(call, json);
	json_decref(json);
	return CTL_OK;
}

enum ctl_exit ctl_device_show(struct ctl_call *call)
{
	return show(call);
}

enum ctl_exit ctl_device_ls(struct ctl_call *call)
{
	struct ctl_path path;
	json_t *json = NULL;

	if (call->word_count)
		return show(call);
	ctl_path_set(&path, "/devices");
	ctl_path_add(&path, "group", call->options[O_GROUP]);
	ctl_path_add(&path, "state", call->options[O_STATE]);
	enum ctl_exit r = ctl_ask_all(call, path.text, "devices", LIST_MAX, &json);

	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_list(call, "devices", json);
	print_list(call, json);
	json_decref(json);
	return CTL_OK;
}

static enum ctl_exit change(struct ctl_call *call, json_t *body, const char *done)
{
	struct ctl_path path;
	json_t *json = NULL;

	ctl_path_set(&path, "/devices");
	ctl_path_component(&path, call->words[0]);
	enum ctl_exit r = ctl_ask(call, "PATCH", path.text, body, &json);

	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_json(call, json);
	fprintf(call->out, "%s\n", done);
	json_decref(json);
	return CTL_OK;
}

/* "a,b" as a list; nothing of "". */
static json_t *labels_json(const char *text)
{
	json_t *list = json_array();

	while (*text) {
		size_t n = strcspn(text, ",");

		json_array_append_new(list, json_stringn(text, n));
		text += n + (text[n] == ',');
	}
	return list;
}

enum ctl_exit ctl_device_set(struct ctl_call *call)
{
	json_t *body = json_object();

	if (call->options[S_NAME])
		json_object_set_new(body, "name", json_string(call->options[S_NAME]));
	if (call->options[S_LABELS])
		json_object_set_new(body, "labels", labels_json(call->options[S_LABELS]));
	if (!json_object_size(body)) {
		json_decref(body);
		return ctl_misused(call, "--name or --labels is needed");
	}
	return change(call, body, "changed");
}

enum ctl_exit ctl_device_approve(struct ctl_call *call)
{
	return change(call, json_pack("{s:s}", "state", "active"), "let in");
}

enum ctl_exit ctl_device_revoke(struct ctl_call *call)
{
	return change(call, json_pack("{s:s}", "state", "revoked"), "revoked");
}

enum ctl_exit ctl_device_retire(struct ctl_call *call)
{
	return change(call, json_pack("{s:s}", "state", "retired"), "retired");
}
