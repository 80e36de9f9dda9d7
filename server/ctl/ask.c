#include "server/ctl/ask.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "server/ctl/text.h"

enum ctl_exit ctl_open(struct ctl_call *call)
{
	struct ctl_profile profile = {0};
	struct err err = {0};

	if (call->client)
		return CTL_OK;
	int r = ctl_profile_load(&profile, &err);

	if (r == 0)
		call->client = ctl_client_new(&profile, &err);
	ctl_profile_release(&profile);
	if (call->client)
		return CTL_OK;
	ctl_fail(call,
		 "not logged in (%s)\nTry: ampoulectl login --server https://HOST:PORT --ca "
		 "ca.pem < TOKEN-FILE",
		 err.text);
	return CTL_FORBIDDEN;
}

enum ctl_exit ctl_send(struct ctl_call *call, const char *method, const char *path, json_t *body,
		       struct ctl_answer *answer)
{
	struct err err = {0};
	enum ctl_exit opened = ctl_open(call);

	if (opened != CTL_OK) {
		json_decref(body);
		return opened;
	}
	int r = ctl_client_send(call->client, method, path, body, answer, &err);

	if (r == 0)
		return CTL_OK;
	ctl_answer_release(answer);
	ctl_fail(call, "%s", err.text);
	if (r == -EHOSTUNREACH)
		fprintf(call->err,
			"Is the server running, and is this its address and its CA? ampoulectl "
			"login sets them.\n");
	return r == -EHOSTUNREACH || r == -EPROTO ? CTL_UNREACHABLE : CTL_FAILED;
}

enum ctl_exit ctl_complain(struct ctl_call *call, const struct ctl_answer *answer)
{
	char title[200], detail[1000];
	bool forbidden = answer->status == 401 || answer->status == 403;

	ctl_text(title, sizeof(title), answer->json, "title");
	ctl_text(detail, sizeof(detail), answer->json, "detail");
	if (title[0])
		ctl_fail(call, "%s: %s", title, detail);
	else
		ctl_fail(call, "the server answered %ld", answer->status);
	if (answer->status == 401)
		fprintf(call->err, "Try: ampoulectl login --server https://HOST:PORT --ca ca.pem < "
				   "TOKEN-FILE\n");
	if (answer->status >= 500) {
		ctl_text(title, sizeof(title), answer->json, "request");
		fprintf(call->err, "The server's log has more under request=%s.\n", title);
	}
	return forbidden ? CTL_FORBIDDEN : CTL_FAILED;
}

enum ctl_exit ctl_ask(struct ctl_call *call, const char *method, const char *path, json_t *body,
		      json_t **ret_json)
{
	struct ctl_answer answer;
	enum ctl_exit r = ctl_send(call, method, path, body, &answer);

	if (r != CTL_OK)
		return r;
	if (answer.status < 200 || answer.status > 299)
		r = ctl_complain(call, &answer);
	else
		*ret_json = json_incref(answer.json);
	ctl_answer_release(&answer);
	return r;
}

enum ctl_exit ctl_ask_all(struct ctl_call *call, const char *path, const char *noun, size_t max,
			  json_t **ret_list)
{
	json_t *list = json_array();
	char after[200] = "";

	for (;;) {
		struct ctl_path page;
		json_t *answer = NULL;

		ctl_path_set(&page, path);
		page.has_query = strchr(path, '?') != NULL;
		ctl_path_add(&page, "limit", "1000");
		ctl_path_add(&page, "after", after[0] ? after : NULL);
		enum ctl_exit r = ctl_ask(call, "GET", page.text, NULL, &answer);

		if (r != CTL_OK) {
			json_decref(list);
			return r;
		}
		json_array_extend(list, json_object_get(answer, noun));
		const char *next = json_string_value(json_object_get(answer, "next"));

		snprintf(after, sizeof(after), "%s", next ? next : "");
		json_decref(answer);
		if (!after[0] || json_array_size(list) >= max)
			break;
	}
	*ret_list = list;
	return CTL_OK;
}

enum ctl_exit ctl_print_json(struct ctl_call *call, json_t *json)
{
	json_dumpf(json, call->out, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	fputc('\n', call->out);
	json_decref(json);
	return CTL_OK;
}

enum ctl_exit ctl_print_list(struct ctl_call *call, const char *noun, json_t *list)
{
	return ctl_print_json(call, json_pack("{s:o}", noun, list));
}

static void put(struct ctl_path *path, const char *bytes, size_t n)
{
	assert(path->len + n < sizeof(path->text));
	memcpy(path->text + path->len, bytes, n);
	path->len += n;
	path->text[path->len] = '\0';
}

static void put_escaped(struct ctl_path *path, const char *text)
{
	for (; *text; text++) {
		char escaped[4];

		if (isalnum((unsigned char)*text) || strchr("-._~", *text)) {
			put(path, text, 1);
			continue;
		}
		snprintf(escaped, sizeof(escaped), "%%%02X", (unsigned char)*text);
		put(path, escaped, 3);
	}
}

void ctl_path_set(struct ctl_path *path, const char *text)
{
	*path = (struct ctl_path){0};
	put(path, text, strlen(text));
}

void ctl_path_component(struct ctl_path *path, const char *text)
{
	put(path, "/", 1);
	put_escaped(path, text);
}

void ctl_path_add(struct ctl_path *path, const char *name, const char *value)
{
	if (!value)
		return;
	put(path, path->has_query ? "&" : "?", 1);
	path->has_query = true;
	put(path, name, strlen(name));
	put(path, "=", 1);
	put_escaped(path, value);
}
