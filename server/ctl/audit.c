#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "server/ctl/ask.h"
#include "server/ctl/text.h"

enum {
	O_LIMIT,
	O_ACTOR,
	O_ACTION,
	O_OUTCOME
};

enum {
	LIMIT_DEFAULT = 50
};

/* Where audit verify remembers the end of the log: {"server", "sequence", "mac"}. */
static const char note[] = "audit-head.json";

static void print_rows(struct ctl_call *call, const json_t *list)
{
	static const char *const head[] = {"TIME", "ACTOR", "ACTION",  "OBJECT", "OUTCOME",
					   "CODE", "COUNT", "ADDRESS", NULL};
	static const char *const paths[] = {"actor", "action", "object", "outcome",
					    "code",  "count",  "address"};
	struct ctl_table table;
	char cell[CTL_CELL_MAX];

	ctl_table_start(&table, head);
	for (size_t i = json_array_size(list); i-- > 0;) {
		const json_t *row = json_array_get(list, i);

		ctl_table_cell(&table, ctl_time(cell, sizeof(cell), row, "at"));
		for (size_t c = 0; c < sizeof(paths) / sizeof(paths[0]); c++)
			ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, paths[c]));
	}
	ctl_table_finish(&table, call->out);
}

enum ctl_exit ctl_audit_ls(struct ctl_call *call)
{
	long long limit = LIMIT_DEFAULT;
	struct ctl_path path;
	json_t *json = NULL;
	char text[24];

	if (ctl_number(call, O_LIMIT, 1, 1000, &limit) != CTL_OK)
		return CTL_USAGE;
	snprintf(text, sizeof(text), "%lld", limit);
	ctl_path_set(&path, "/audit");
	ctl_path_add(&path, "order", "newest");
	ctl_path_add(&path, "limit", text);
	ctl_path_add(&path, "actor", call->options[O_ACTOR]);
	ctl_path_add(&path, "action", call->options[O_ACTION]);
	ctl_path_add(&path, "outcome", call->options[O_OUTCOME]);
	enum ctl_exit r = ctl_ask(call, "GET", path.text, NULL, &json);

	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_json(call, json);
	print_rows(call, json_object_get(json, "audit"));
	json_decref(json);
	return CTL_OK;
}

/* ---- verify ---- */

/* Adds the head that was seen last, of this server. */
static enum ctl_exit add_seen(struct ctl_call *call, struct ctl_path *path)
{
	cleanup_buf struct buf text = {0};
	struct err err = {0};
	char sequence[24];

	if (ctl_profile_load_note(note, &text, &err) < 0)
		return ctl_fail(call, "%s", err.text);
	json_t *seen = json_loadb((const char *)text.data, text.len, 0, NULL);
	const char *server = json_string_value(json_object_get(seen, "server"));
	const char *mac = json_string_value(json_object_get(seen, "mac"));

	if (server && mac && strlen(mac) == 64 &&
	    !strcmp(server, ctl_client_server(call->client))) {
		ctl_path_add(path, "sequence",
			     ctl_text(sequence, sizeof(sequence), seen, "sequence"));
		ctl_path_add(path, "mac", mac);
	}
	json_decref(seen);
	return CTL_OK;
}

static enum ctl_exit remember(struct ctl_call *call, const json_t *head)
{
	struct err err = {0};
	json_t *json =
		json_pack("{s:s, s:O, s:O}", "server", ctl_client_server(call->client), "sequence",
			  json_object_get(head, "sequence"), "mac", json_object_get(head, "mac"));
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	enum ctl_exit r = CTL_OK;

	if (!text || ctl_profile_save_note(note, text, strlen(text), &err) < 0)
		r = ctl_fail(call, "the end of the log is not remembered: %s", err.text);
	free(text);
	json_decref(json);
	return r;
}

static void say(struct ctl_call *call, const json_t *report, bool intact)
{
	char rows[24], waiting[24], sequence[24], finding[200];

	ctl_text(rows, sizeof(rows), report, "rows");
	ctl_text(waiting, sizeof(waiting), report, "waiting");
	ctl_text(sequence, sizeof(sequence), report, "sequence");
	ctl_text(finding, sizeof(finding), report, "finding");
	if (intact)
		fprintf(call->out, "whole: %s rows, %s waiting\n", rows, waiting);
	else
		fprintf(call->out, "NOT WHOLE: %s (sequence %s, after %s good rows)\n", finding,
			sequence, rows);
}

enum ctl_exit ctl_audit_verify(struct ctl_call *call)
{
	struct ctl_path path;
	json_t *json = NULL;
	enum ctl_exit r = ctl_open(call);

	ctl_path_set(&path, "/audit/verify");
	if (r == CTL_OK)
		r = add_seen(call, &path);
	if (r == CTL_OK)
		r = ctl_ask(call, "GET", path.text, NULL, &json);
	if (r != CTL_OK)
		return r;
	bool intact = json_is_true(json_object_get(json, "intact"));

	if (!call->json)
		say(call, json, intact);
	/* The first head stays in mind until the log is whole again: a cut must not be forgotten. */
	if (intact)
		r = remember(call, json_object_get(json, "head"));
	if (call->json)
		ctl_print_json(call, json_incref(json));
	json_decref(json);
	return intact ? r : CTL_FAILED;
}
