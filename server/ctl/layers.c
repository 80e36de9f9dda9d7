#include "server/ctl/layers.h"

#include <errno.h>
#include <string.h>

#include "server/ctl/text.h"

enum {
	DOCUMENT_MAX = 1 << 20
};

void ctl_print_findings(FILE *out, const char *file, const json_t *findings)
{
	const json_t *e;
	size_t i;

	json_array_foreach(findings, i, e)
	{
		long long line = json_integer_value(json_object_get(e, "line"));
		long long column = json_integer_value(json_object_get(e, "column"));
		char path[200], text[400], document[100];

		ctl_text(path, sizeof(path), e, "path");
		ctl_text(text, sizeof(text), e, "text");
		ctl_text(document, sizeof(document), e, "document");
		fprintf(out, "%s:", document[0] ? document : file);
		if (line)
			fprintf(out, "%lld:", line);
		if (line && column)
			fprintf(out, "%lld:", column);
		fprintf(out, " %s%s%s\n", path, path[0] ? ": " : "", text);
	}
}

enum ctl_exit ctl_read_document(struct ctl_call *call, const char *file, struct buf *out)
{
	int e = buf_read_file(out, file, DOCUMENT_MAX);

	if (e == -EFBIG)
		return ctl_fail(call, "%s: larger than %d bytes", file, DOCUMENT_MAX);
	if (e < 0)
		return ctl_fail(call, "%s: %s", file, strerror(-e));
	return out->len ? CTL_OK : ctl_fail(call, "%s: is empty", file);
}

static void print_change(FILE *out, const json_t *change)
{
	char what[20], task[100], class[40], id[100], document[100], before[2000], after[2000];
	const char *sign = "  ";

	ctl_text(what, sizeof(what), change, "change");
	ctl_text(task, sizeof(task), change, "task");
	ctl_text(class, sizeof(class), change, "class");
	ctl_text(id, sizeof(id), change, "id");
	ctl_text(document, sizeof(document), change, "document");
	ctl_text(before, sizeof(before), change, "before");
	ctl_text(after, sizeof(after), change, "after");
	if (!strcmp(what, "added"))
		sign = "+ ";
	else if (!strcmp(what, "removed"))
		sign = "- ";
	else if (!strcmp(what, "changed"))
		sign = "~ ";
	fprintf(out, "  %s%s%s%s%s%s (%s:%lld): %s", sign, task, task[0] ? "." : "", class,
		id[0] ? " " : "", id, document,
		(long long)json_integer_value(json_object_get(change, "line")),
		!strcmp(what, "removed") ? before
		: !strcmp(what, "moved") ? "moved"
					 : after);
	if (!strcmp(what, "changed"))
		fprintf(out, ", was %s", before);
	fputc('\n', out);
}

void ctl_print_changes(FILE *out, const json_t *changes)
{
	const json_t *change;
	size_t i;

	json_array_foreach(changes, i, change) print_change(out, change);
}

static void print_group(struct ctl_call *call, const json_t *json, bool dry)
{
	const json_t *names = json_object_get(json_object_get(json, "devices"), "names"), *name;
	char group[100], count[30];
	size_t i;

	ctl_text(group, sizeof(group), json, "group");
	ctl_text(count, sizeof(count), json, "devices.count");
	fprintf(call->out, "group %s: ", group);
	if (dry)
		fprintf(call->out, "would change");
	else
		fprintf(call->out, "now serial %lld",
			(long long)json_integer_value(json_object_get(json, "serial")));
	fprintf(call->out, ", %s device%s", count, strcmp(count, "1") != 0 ? "s" : "");
	json_array_foreach(names, i, name)
	{
		json_t *wrapped = json_pack("{s:O}", "name", name);
		char host[260];

		fprintf(call->out, "%s%s", i ? ", " : ": ",
			ctl_text(host, sizeof(host), wrapped, "name"));
		json_decref(wrapped);
	}
	fputc('\n', call->out);
	ctl_print_changes(call->out, json_object_get(json, "changes"));
}

static enum ctl_exit tell(struct ctl_call *call, const char *file, json_t *answer)
{
	const json_t *groups = json_object_get(answer, "groups"), *group;
	bool dry = json_is_true(json_object_get(answer, "dry"));
	size_t i;

	if (call->json)
		return ctl_print_json(call, json_incref(answer));
	json_array_foreach(groups, i, group) print_group(call, group, dry);
	if (!json_array_size(groups))
		fprintf(call->out, "unchanged: it is in force already\n");
	ctl_print_findings(call->err, file, json_object_get(answer, "notes"));
	fflush(call->out);
	return CTL_OK;
}

enum ctl_exit ctl_change_layers(struct ctl_call *call, const char *file, json_t *body,
				json_t **ret_groups)
{
	struct ctl_answer answer;

	if (!body)
		return ctl_fail(call, "%s: is not UTF-8 text", file);
	enum ctl_exit r = ctl_send(call, "POST", "/layers", body, &answer);

	if (r != CTL_OK)
		return r;
	ctl_print_findings(call->err, file, json_object_get(answer.json, "errors"));
	r = answer.status == 200 ? tell(call, file, answer.json) : ctl_complain(call, &answer);
	if (r == CTL_OK && ret_groups)
		*ret_groups = json_incref(json_object_get(answer.json, "groups"));
	ctl_answer_release(&answer);
	return r;
}
