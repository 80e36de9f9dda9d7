#include <string.h>

#include "server/ctl/ask.h"
#include "server/ctl/text.h"

enum {
	O_GROUP,
	O_STATE
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

static void print_one(struct ctl_call *call, const json_t *device)
{
	static const char *const texts[] = {"id",    "hostname", "group",
					    "state", "version",  "isolation"};
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
}

enum ctl_exit ctl_device_ls(struct ctl_call *call)
{
	struct ctl_path path;
	json_t *json = NULL;
	enum ctl_exit r;

	ctl_path_set(&path, "/devices");
	if (call->word_count) {
		ctl_path_component(&path, call->words[0]);
		r = ctl_ask(call, "GET", path.text, NULL, &json);
	} else {
		ctl_path_add(&path, "group", call->options[O_GROUP]);
		ctl_path_add(&path, "state", call->options[O_STATE]);
		r = ctl_ask_all(call, path.text, "devices", LIST_MAX, &json);
	}
	if (r != CTL_OK)
		return r;
	if (call->json)
		return call->word_count ? ctl_print_json(call, json)
					: ctl_print_list(call, "devices", json);
	if (call->word_count)
		print_one(call, json);
	else
		print_list(call, json);
	json_decref(json);
	return CTL_OK;
}
