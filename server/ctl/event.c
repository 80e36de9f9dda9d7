#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base64.h"
#include "common/log.h"
#include "server/ctl/ask.h"
#include "server/ctl/text.h"

enum {
	O_LIMIT,
	O_FOLLOW,
	O_AFTER,
	O_FILTERS /* the first of those that go to the server as they are */
};

enum {
	POLL_S = 1,
	PAGE = 1000
};

/* Parameters of the filters, in the order of the options. */
static const char *const filters[] = {"device", "group",   "vm",   "rule",
				      "class",  "verdict", "user", "task"};

static void make_path(struct ctl_call *call, const char *order, const char *after, long long limit,
		      struct ctl_path *out)
{
	char number[24];

	snprintf(number, sizeof(number), "%lld", limit);
	ctl_path_set(out, "/events");
	ctl_path_add(out, "order", order);
	ctl_path_add(out, "after", after);
	ctl_path_add(out, "limit", number);
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
		ctl_path_add(out, filters[i], call->options[O_FILTERS + i]);
}

/* The path, from its bytes where JSON text could not hold them. */
static const char *path_cell(char *out, size_t cap, const json_t *event)
{
	const json_t *text = json_object_get(event, "path_bytes");
	cleanup_buf struct buf bytes = {0};

	if (json_is_string(text) &&
	    base64_decode(&bytes, json_string_value(text), json_string_length(text)) == 0 &&
	    bytes.len)
		return log_quote(out, cap, bytes.data, bytes.len);
	return ctl_text(out, cap, event, "path");
}

static void print_table(struct ctl_call *call, const json_t *list, bool head_wanted)
{
	static const char *const head[] = {"TIME",      "DEVICE", "USER",    "TASK",
					   "OPERATION", "PATH",   "VERDICT", "RULE",
					   "SERIAL",    "EXIT",   "COUNT",   NULL};
	static const char *const paths[] = {
		"device.hostname", "user", "task",          "operation",   "path",
		"verdict",         "rule", "policy.serial", "exit_reason", "count"};
	struct ctl_table table;
	char cell[CTL_CELL_MAX];
	const json_t *row;
	size_t i;

	if (!head_wanted && !json_array_size(list))
		return;
	ctl_table_start(&table, head);
	json_array_foreach(list, i, row)
	{
		ctl_table_cell(&table, ctl_time(cell, sizeof(cell), row, "time"));
		for (size_t c = 0; c < sizeof(paths) / sizeof(paths[0]); c++)
			ctl_table_cell(&table, strcmp(paths[c], "path")
						       ? ctl_text(cell, sizeof(cell), row, paths[c])
						       : path_cell(cell, sizeof(cell), row));
	}
	ctl_table_finish(&table, call->out);
}

static json_t *reversed(const json_t *list)
{
	json_t *out = json_array();

	for (size_t i = json_array_size(list); i-- > 0;)
		json_array_append(out, json_array_get(list, i));
	return out;
}

static void print_lines(struct ctl_call *call, const json_t *list)
{
	const json_t *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		json_dumpf(row, call->out, JSON_COMPACT | JSON_ENSURE_ASCII);
		fputc('\n', call->out);
	}
	fflush(call->out);
}

/* One page, oldest first, with the cursor behind its last event in after. */
static enum ctl_exit get_page(struct ctl_call *call, bool newest, long long limit, char *after,
			      size_t cap, json_t **ret_list)
{
	struct ctl_path path;
	json_t *answer = NULL;

	make_path(call, newest ? "newest" : "oldest", after[0] ? after : NULL, limit, &path);
	enum ctl_exit r = ctl_ask(call, "GET", path.text, NULL, &answer);

	if (r != CTL_OK)
		return r;
	const json_t *list = json_object_get(answer, "events");
	json_t *ordered = newest ? reversed(list) : json_deep_copy(list);
	const json_t *last = json_array_get(ordered, json_array_size(ordered) - 1);
	const char *next = json_string_value(last ? json_object_get(last, "cursor")
						  : json_object_get(answer, "next"));

	snprintf(after, cap, "%s", next ? next : "");
	json_decref(answer);
	*ret_list = ordered;
	return CTL_OK;
}

static enum ctl_exit follow(struct ctl_call *call, char *after, size_t cap)
{
	for (;;) {
		json_t *list = NULL;
		enum ctl_exit r = get_page(call, false, PAGE, after, cap, &list);

		if (r != CTL_OK)
			return r;
		if (call->json)
			print_lines(call, list);
		else
			print_table(call, list, false);
		fflush(call->out);
		bool more = json_array_size(list) == PAGE;

		json_decref(list);
		if (ferror(call->out))
			return CTL_FAILED;
		if (!more)
			nanosleep(&(struct timespec){.tv_sec = POLL_S}, NULL);
	}
}

enum ctl_exit ctl_event_ls(struct ctl_call *call)
{
	long long limit = 50;
	char after[100] = "";
	json_t *list = NULL;
	const char *given = call->options[O_AFTER];

	if (ctl_number(call, O_LIMIT, 1, PAGE, &limit) != CTL_OK)
		return CTL_USAGE;
	snprintf(after, sizeof(after), "%s", given ? given : "");
	enum ctl_exit r = get_page(call, !given, limit, after, sizeof(after), &list);

	if (r != CTL_OK)
		return r;
	if (call->json && !call->options[O_FOLLOW]) {
		ctl_print_json(call, json_pack("{s:O, s:s}", "events", list, "next", after));
	} else if (call->json) {
		print_lines(call, list);
	} else {
		print_table(call, list, true);
		fflush(call->out);
	}
	json_decref(list);
	return call->options[O_FOLLOW] ? follow(call, after, sizeof(after)) : CTL_OK;
}
