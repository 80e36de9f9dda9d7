#include "server/rest/findings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/store/images.h"

int srv_findings_add(json_t *list, const struct policy_error *e)
{
	json_t *json = json_pack("{s:i, s:i, s:s, s:s}", "line", e->line, "column", e->column,
				 "path", e->path, "text", e->text);

	if (json && e->document[0] &&
	    json_object_set_new(json, "document", json_string(e->document)) < 0) {
		json_decref(json);
		json = NULL;
	}
	return json && json_array_append_new(list, json) == 0 ? 0 : -ENOMEM;
}

int srv_findings_add_all(json_t *list, const struct policy_errors *errors)
{
	int r = 0;

	for (size_t i = 0; i < errors->count && i < POLICY_ERRORS_MAX && r == 0; i++)
		r = srv_findings_add(list, &errors->list[i]);
	return r;
}

static int add_line(json_t *list, const char *path, int line, const char *text)
{
	struct policy_error e = {.line = line};

	(void)snprintf(e.path, sizeof(e.path), "%s", path);
	(void)snprintf(e.text, sizeof(e.text), "%s", text); /* a cut text is still one */
	return srv_findings_add(list, &e);
}

/* policy_run_tests() says one thing per line. */
int srv_findings_add_tests(json_t *list, const struct policy *policy)
{
	cleanup_buf struct buf text = {0};
	char *at, *save = NULL;
	int r = policy_run_tests(policy, &text);

	if (r <= 0)
		return r;
	r = buf_put_u8(&text, 0);
	if (r < 0)
		return r;
	for (at = strtok_r((char *)text.data, "\n", &save); at && r == 0;
	     at = strtok_r(NULL, "\n", &save))
		r = add_line(list, "tests", 0, at);
	return r;
}

int srv_findings_add_images(struct srv_call *call, const struct policy *policy, json_t *list,
			    struct err *err)
{
	const char *image;
	int line;

	for (size_t i = 0; (image = policy_image(policy, i, &line)); i++) {
		char text[256];
		bool known;
		int r = srv_images_is_known(call->conn, image, &known, err);

		if (r < 0)
			return r;
		(void)snprintf(text, sizeof(text),
			       "no image '%s' on the server: push it first (ampoulectl image push "
			       "DIR)",
			       image);
		if (!known && add_line(list, "run.image", line, text) < 0)
			return err_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

json_t *srv_item_json(const struct policy_item *item)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i}", "task", item->task, "class", item->class,
			 "id", item->id, "text", item->text, "document", item->document, "line",
			 item->line);
}

static int add_change(void *context, enum policy_change change, const struct policy_item *old,
		      const struct policy_item *new)
{
	static const char *const words[] = {[POLICY_ADDED] = "added",
					    [POLICY_REMOVED] = "removed",
					    [POLICY_CHANGED] = "changed",
					    [POLICY_MOVED] = "moved"};
	const struct policy_item *item = new ? new : old;
	json_t *json =
		json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?, s:s, s:i}", "change", words[change],
			  "task", item->task, "class", item->class, "id", item->id, "before",
			  old ? old->text : NULL, "after", new ? new->text : NULL, "document",
			  item->document, "line", item->line);

	return json && json_array_append_new(context, json) == 0 ? 0 : -ENOMEM;
}

json_t *srv_changes_json(const struct policy *old, const struct policy *new)
{
	json_t *list = json_array();

	if (list && policy_diff(old, new, add_change, list) < 0) {
		json_decref(list);
		list = NULL;
	}
	return list;
}
