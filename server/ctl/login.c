#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "server/ctl/ask.h"
#include "server/ctl/roles.h"
#include "server/ctl/secret.h"
#include "server/ctl/text.h"

enum {
	O_SERVER,
	O_CA,
	O_TOKEN_FILE,
	O_NAME
};

enum {
	TOKEN_TEXT_BYTES_MAX = 4096
};

static enum ctl_exit read_token(struct ctl_call *call, struct ctl_profile *profile)
{
	const char *path = call->options[O_TOKEN_FILE];
	cleanup_buf struct buf text = {0};
	struct err err = {0};
	int fd = fileno(call->in);

	if (!path && isatty(fd))
		fprintf(call->err, "API token (ends with Enter, then Ctrl-D): ");
	int r = path ? buf_read_file(&text, path, TOKEN_TEXT_BYTES_MAX)
		     : buf_read_fd(&text, fd, TOKEN_TEXT_BYTES_MAX);

	if (r < 0)
		return ctl_fail(call, "%s: %s", path ? path : "stdin", strerror(-r));
	r = ctl_profile_set_token(profile, (const char *)text.data, text.len, &err);
	if (text.data)
		explicit_bzero(text.data, text.len);
	return r < 0 ? ctl_fail(call, "%s", err.text) : CTL_OK;
}

static enum ctl_exit read_profile(struct ctl_call *call, struct ctl_profile *profile)
{
	struct err err = {0};

	if (!call->options[O_SERVER] || !call->options[O_CA])
		return ctl_misused(call, "--server and --ca are needed");
	if (ctl_profile_set_server(profile, call->options[O_SERVER], &err) < 0)
		return ctl_misused(call, "%s", err.text);
	int r = buf_read_file(&profile->ca, call->options[O_CA], CTL_CA_MAX);

	if (r < 0)
		return ctl_fail(call, "%s: %s", call->options[O_CA], strerror(-r));
	return call->options[O_NAME] ? CTL_OK : read_token(call, profile);
}

/* A second profile with the same content: the client takes one, the other is saved. */
static int copy_profile(struct ctl_profile *to, const struct ctl_profile *from)
{
	*to = *from;
	to->ca = (struct buf){0};
	return buf_put(&to->ca, from->ca.data, from->ca.len);
}

static enum ctl_exit say_who(struct ctl_call *call, json_t *who)
{
	char name[200], roles[600];

	if (call->json)
		return ctl_print_json(call, who);
	ctl_roles_text(roles, sizeof(roles), json_object_get(who, "roles"));
	fprintf(call->out, "%s: %s (%s)\n", ctl_client_server(call->client),
		ctl_text(name, sizeof(name), who, "name"), roles[0] ? roles : "no role");
	json_decref(who);
	return CTL_OK;
}

/* ---- with name and password ---- */

/* Sends them; *ret_again is set when the server wants a code too. */
static enum ctl_exit send_login(struct ctl_call *call, const char *password, const char *code,
				bool *ret_again)
{
	json_t *body = json_pack("{s:s, s:s, s:s*}", "name", call->options[O_NAME], "password",
				 password, "code", code);
	struct ctl_answer answer;

	*ret_again = false;
	if (!body)
		return ctl_fail(call, "name and password must be UTF-8");
	enum ctl_exit r = ctl_send(call, "POST", "/session", body, &answer);

	if (r != CTL_OK)
		return r;
	const char *problem = json_string_value(json_object_get(answer.json, "code"));

	if (answer.status == 401 && problem && !strcmp(problem, "second_factor_needed") && !code)
		*ret_again = true;
	else if (answer.status != 200)
		r = ctl_complain(call, &answer);
	ctl_answer_release(&answer);
	return r;
}

/* Asks for the password and, when it is needed, the code. The client has the session then. */
static enum ctl_exit sign_in(struct ctl_call *call)
{
	char password[CTL_SECRET_MAX], code[CTL_SECRET_MAX] = "";
	bool again = false;
	enum ctl_exit r = ctl_secret_read(call, "Password", password);

	if (r == CTL_OK)
		r = send_login(call, password, NULL, &again);
	if (r == CTL_OK && again)
		r = ctl_secret_read(call, "Code of the authenticator, or a recovery code", code);
	if (r == CTL_OK && again)
		r = send_login(call, password, code, &again);
	explicit_bzero(password, sizeof(password));
	explicit_bzero(code, sizeof(code));
	return r;
}

/* Signs in on a connection without any token, and puts the session where a token would be. */
static enum ctl_exit get_session(struct ctl_call *call, struct ctl_profile *profile)
{
	struct ctl_profile bare = {0};
	struct err err = {0};
	enum ctl_exit r;

	if (copy_profile(&bare, profile) < 0)
		return ctl_fail(call, "out of memory");
	call->client = ctl_client_new(&bare, &err);
	r = call->client ? sign_in(call) : ctl_fail(call, "%s", err.text);
	if (r == CTL_OK) {
		const char *session = ctl_client_session(call->client);

		if (ctl_profile_set_token(profile, session, strlen(session), &err) < 0)
			r = ctl_fail(call, "the server gave no session: %s", err.text);
	}
	ctl_client_close(call->client);
	call->client = NULL;
	return r;
}

static enum ctl_exit try_and_save(struct ctl_call *call, struct ctl_profile *profile)
{
	struct ctl_profile kept = {0};
	struct err err = {0};
	json_t *who = NULL;

	if (copy_profile(&kept, profile) < 0)
		return ctl_fail(call, "out of memory");
	call->client = ctl_client_new(profile, &err);
	enum ctl_exit r = call->client ? ctl_ask(call, "GET", "/whoami", NULL, &who)
				       : ctl_fail(call, "%s", err.text);

	if (r == CTL_OK && ctl_profile_save(&kept, &err) < 0)
		r = ctl_fail(call, "%s", err.text);
	ctl_profile_release(&kept);
	if (r == CTL_OK)
		return say_who(call, who);
	json_decref(who);
	return r;
}

enum ctl_exit ctl_login(struct ctl_call *call)
{
	struct ctl_profile profile = {0};
	enum ctl_exit r = read_profile(call, &profile);

	if (r == CTL_OK && call->options[O_NAME])
		r = get_session(call, &profile);
	if (r == CTL_OK)
		r = try_and_save(call, &profile);
	ctl_profile_release(&profile);
	return r;
}

enum ctl_exit ctl_whoami(struct ctl_call *call)
{
	json_t *who = NULL;
	enum ctl_exit r = ctl_ask(call, "GET", "/whoami", NULL, &who);

	return r == CTL_OK ? say_who(call, who) : r;
}

enum ctl_exit ctl_logout(struct ctl_call *call)
{
	json_t *json = NULL;
	enum ctl_exit r = ctl_ask(call, "DELETE", "/session", NULL, &json);

	json_decref(json);
	if (r == CTL_OK && !call->json)
		fprintf(call->out, "logged out\n");
	return r;
}
