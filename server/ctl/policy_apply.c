#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "server/ctl/ask.h"
#include "server/ctl/diff.h"
#include "server/ctl/layers.h"
#include "server/ctl/text.h"
#include "server/ctl/wait.h"

enum {
	O_GROUP,
	O_WAIT,
	O_TIMEOUT,
	O_LAYERS,
	O_GIT
};

/* ---- what changed ---- */

static void print_changes(struct ctl_call *call, const json_t *before, const struct buf *document)
{
	const json_t *text = json_object_get(before, "document");

	if (!text) {
		fprintf(call->out, "the first policy of this group\n");
		return;
	}
	long n = ctl_diff(json_string_value(text), json_string_length(text),
			  (const char *)document->data, document->len, call->out);

	if (n >= 0)
		fprintf(call->out, "%ld line%s differ%s from serial %lld\n", n, n == 1 ? "" : "s",
			n == 1 ? "s" : "",
			(long long)json_integer_value(json_object_get(before, "serial")));
}

/* The group's newest policy, NULL when it has none or cannot be had: then nothing is compared. */
static enum ctl_exit get_newest(struct ctl_call *call, const char *group, json_t **ret_json)
{
	struct ctl_path path;
	struct ctl_answer answer;

	ctl_path_set(&path, "/policies/newest");
	ctl_path_add(&path, "group", group);
	enum ctl_exit r = ctl_send(call, "GET", path.text, NULL, &answer);

	if (r != CTL_OK)
		return r;
	if (answer.status == 200)
		*ret_json = json_incref(answer.json);
	else if (answer.status != 404)
		r = ctl_complain(call, &answer);
	ctl_answer_release(&answer);
	return r;
}

/* ---- applying ---- */

static enum ctl_exit tell(struct ctl_call *call, const struct ctl_answer *answer,
			  const json_t *before, const struct buf *document)
{
	char id[100], group[100], digest[80];

	if (call->json)
		return ctl_print_json(call, json_incref(answer->json));
	if (answer->status == 201)
		print_changes(call, before, document);
	fprintf(call->out, "policy %s for group %s: %s serial %lld, digest %s\n",
		ctl_text(id, sizeof(id), answer->json, "policy_id"),
		ctl_text(group, sizeof(group), answer->json, "group"),
		answer->status == 201 ? "now" : "unchanged,",
		(long long)json_integer_value(json_object_get(answer->json, "serial")),
		ctl_text(digest, sizeof(digest), answer->json, "digest"));
	fflush(call->out);
	return CTL_OK;
}

static enum ctl_exit post(struct ctl_call *call, const char *group, const struct buf *document,
			  long long *ret_serial)
{
	const char *file = call->words[0], *slash = strrchr(file, '/');
	struct ctl_answer answer;
	json_t *before = NULL;
	json_t *body = json_pack("{s:s, s:s%, s:s}", "group", group, "document",
				 (const char *)document->data, document->len, "name",
				 slash ? slash + 1 : file);

	if (!body)
		return ctl_fail(call, "%s: is not UTF-8 text", file);
	enum ctl_exit r = get_newest(call, group, &before);

	if (r == CTL_OK)
		r = ctl_send(call, "POST", "/policies", json_incref(body), &answer);
	json_decref(body);
	if (r == CTL_OK) {
		ctl_print_findings(call->err, file, json_object_get(answer.json, "errors"));
		r = answer.status == 200 || answer.status == 201
			    ? tell(call, &answer, before, document)
			    : ctl_complain(call, &answer);
		*ret_serial = json_integer_value(json_object_get(answer.json, "serial"));
		ctl_answer_release(&answer);
	}
	json_decref(before);
	return r;
}

static enum ctl_exit apply_layers(struct ctl_call *call, const struct buf *document,
				  long long timeout_s)
{
	json_t *groups = NULL;
	enum ctl_exit r = ctl_change_layers(
		call, call->words[0],
		json_pack("{s:s%, s:s}", "document", (const char *)document->data, document->len,
			  "managed", call->options[O_GIT] ? "git" : "none"),
		&groups);

	if (r != CTL_OK || !call->options[O_WAIT] || !json_array_size(groups)) {
		json_decref(groups);
		return r;
	}
	return ctl_wait_applied(call, groups, timeout_s);
}

enum ctl_exit ctl_policy_apply(struct ctl_call *call)
{
	const char *group = call->options[O_GROUP] ? call->options[O_GROUP] : "default";
	cleanup_buf struct buf document = {0};
	long long timeout_s = 60, serial = 0;

	if (ctl_number(call, O_TIMEOUT, 1, 86400, &timeout_s) != CTL_OK)
		return CTL_USAGE;
	enum ctl_exit r = ctl_read_document(call, call->words[0], &document);

	if (r != CTL_OK)
		return r;
	if (call->options[O_LAYERS])
		return apply_layers(call, &document, timeout_s);
	r = post(call, group, &document, &serial);

	if (r != CTL_OK || !call->options[O_WAIT])
		return r;
	return ctl_wait_applied(
		call, json_pack("[{s:s, s:I}]", "group", group, "serial", (json_int_t)serial),
		timeout_s);
}
