/* approval ...: what waits for a second person; and four-eyes. A decision is of what has just been printed: its
 * digest goes along. Deciding needs the password again, because a session may be in other hands. */
#include <string.h>

#include "server/ctl/ask.h"
#include "server/ctl/secret.h"
#include "server/ctl/text.h"

enum option {
	O_REASON
};

static void set_path(struct ctl_path *path, const char *id, const char *more)
{
	ctl_path_set(path, "/approvals");
	ctl_path_component(path, id);
	if (more)
		ctl_path_component(path, more);
}

enum ctl_exit ctl_approval_ls(struct ctl_call *call)
{
	static const char *const head[] = {"STATE",   "WHAT", "OF",      "DEVICES", "AUTHOR",
					   "DECIDED", "MADE", "EXPIRES", "ID",      NULL};
	static const char *const texts[] = {"state",   "action", "object",
					    "devices", "author", "decided_by"};
	struct ctl_table table;
	char cell[CTL_CELL_MAX];
	json_t *list = NULL, *row;
	size_t i;
	enum ctl_exit r = ctl_ask_all(call, "/approvals", "approvals", 1000, &list);

	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_list(call, "approvals", list);
	ctl_table_start(&table, head);
	json_array_foreach(list, i, row)
	{
		for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
			ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, texts[k]));
		ctl_table_cell(&table, ctl_time(cell, sizeof(cell), row, "made_at"));
		ctl_table_cell(&table, ctl_time(cell, sizeof(cell), row, "expires"));
		ctl_table_cell(&table, ctl_text(cell, sizeof(cell), row, "id"));
	}
	ctl_table_finish(&table, call->out);
	json_decref(list);
	return CTL_OK;
}

static void print_one(struct ctl_call *call, const json_t *one)
{
	static const char *const lines[] = {"state",  "action", "object",     "devices",
					    "author", "reason", "decided_by", "reviewed_by"};
	char text[1000];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (ctl_text(text, sizeof(text), one, lines[i])[0])
			fprintf(call->out, "%-12s %s\n", lines[i], text);
	}
	json_dumpf(json_object_get(one, "request"), call->out, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	fputc('\n', call->out);
}

static enum ctl_exit get(struct ctl_call *call, json_t **ret_one)
{
	struct ctl_path path;

	set_path(&path, call->words[0], NULL);
	return ctl_ask(call, "GET", path.text, NULL, ret_one);
}

enum ctl_exit ctl_approval_show(struct ctl_call *call)
{
	json_t *one = NULL;
	enum ctl_exit r = get(call, &one);

	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_json(call, one);
	print_one(call, one);
	json_decref(one);
	return CTL_OK;
}

/* ---- deciding ---- */

/* *ret_again is set when a code is wanted too. */
static enum ctl_exit send_proof(struct ctl_call *call, const char *password, const char *code,
				bool *ret_again)
{
	json_t *body = json_pack("{s:s, s:s*}", "password", password, "code", code);
	struct ctl_answer answer;

	*ret_again = false;
	if (!body)
		return ctl_fail(call, "the password must be UTF-8");
	enum ctl_exit r = ctl_send(call, "POST", "/session/proof", body, &answer);

	if (r != CTL_OK)
		return r;
	const char *problem = json_string_value(json_object_get(answer.json, "code"));

	if (problem && !strcmp(problem, "code_refused") && !code)
		*ret_again = true;
	else if (answer.status != 204)
		r = ctl_complain(call, &answer);
	ctl_answer_release(&answer);
	return r;
}

/* The session goes on under another secret, which the login must remember. */
static enum ctl_exit keep_session(struct ctl_call *call)
{
	struct ctl_profile profile = {0};
	struct err err = {0};
	const char *session = ctl_client_session(call->client);
	int r = ctl_profile_load(&profile, &err);

	if (r == 0)
		r = ctl_profile_set_token(&profile, session, strlen(session), &err);
	if (r == 0)
		r = ctl_profile_save(&profile, &err);
	ctl_profile_release(&profile);
	ctl_client_use_session(call->client);
	return r == 0 ? CTL_OK : ctl_fail(call, "cannot keep the session: %s", err.text);
}

static enum ctl_exit prove(struct ctl_call *call)
{
	char password[CTL_SECRET_MAX], code[CTL_SECRET_MAX] = "";
	bool again = false;
	enum ctl_exit r = ctl_secret_read(call, "Your password", password);

	if (r == CTL_OK)
		r = send_proof(call, password, NULL, &again);
	if (r == CTL_OK && again)
		r = ctl_secret_read(call, "Code of the authenticator, or a recovery code", code);
	if (r == CTL_OK && again)
		r = send_proof(call, password, code, &again);
	explicit_bzero(password, sizeof(password));
	explicit_bzero(code, sizeof(code));
	return r == CTL_OK ? keep_session(call) : r;
}

static enum ctl_exit decide(struct ctl_call *call, const char *decision)
{
	const char *reason = call->command->options ? call->options[O_REASON] : NULL;
	struct ctl_path path;
	json_t *one = NULL, *after = NULL;
	char state[40];
	enum ctl_exit r = get(call, &one);

	if (r != CTL_OK)
		return r;
	if (!call->json)
		print_one(call, one);
	json_t *body = json_pack("{s:s, s:O, s:s*}", "decision", decision, "digest",
				 json_object_get(one, "digest"), "reason", reason);

	json_decref(one);
	r = prove(call);
	if (r != CTL_OK) {
		json_decref(body);
		return r;
	}
	set_path(&path, call->words[0], "decision");
	r = ctl_ask(call, "POST", path.text, body, &after);
	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_json(call, after);
	fprintf(call->out, "%s: %s\n", call->words[0],
		ctl_text(state, sizeof(state), after, "state"));
	json_decref(after);
	return CTL_OK;
}

enum ctl_exit ctl_approval_approve(struct ctl_call *call)
{
	return decide(call, "approve");
}

enum ctl_exit ctl_approval_refuse(struct ctl_call *call)
{
	return decide(call, "refuse");
}

enum ctl_exit ctl_approval_review(struct ctl_call *call)
{
	return decide(call, "review");
}

enum ctl_exit ctl_approval_emergency(struct ctl_call *call)
{
	if (!call->options[O_REASON])
		return ctl_misused(call, "--reason is needed");
	return decide(call, "emergency");
}

/* ---- the switch ---- */

enum ctl_exit ctl_four_eyes(struct ctl_call *call)
{
	const char *word = call->word_count ? call->words[0] : NULL;
	json_t *json = NULL;
	char on[8], approvers[24];
	enum ctl_exit r = CTL_OK;

	if (word && strcmp(word, "on") != 0 && strcmp(word, "off") != 0)
		return ctl_misused(call, "it is on or off");
	if (word) {
		r = ctl_open(call);
		if (r == CTL_OK)
			r = prove(call);
		if (r == CTL_OK)
			r = ctl_ask(call, "PUT", "/four-eyes",
				    json_pack("{s:b}", "on", !strcmp(word, "on")), &json);
	} else {
		r = ctl_ask(call, "GET", "/four-eyes", NULL, &json);
	}
	if (r != CTL_OK)
		return r;
	if (call->json)
		return ctl_print_json(call, json);
	fprintf(call->out, "four eyes: %s, %s approvers of all groups\n",
		!strcmp(ctl_text(on, sizeof(on), json, "on"), "yes") ? "on" : "off",
		ctl_text(approvers, sizeof(approvers), json, "approvers"));
	json_decref(json);
	return CTL_OK;
}
