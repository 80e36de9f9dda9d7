/* Asking the server, and telling the person when that fails. Messages end in what to do next. */
#ifndef SERVER_CTL_ASK_H
#define SERVER_CTL_ASK_H

#include <jansson.h>

#include "server/ctl/client.h"
#include "server/ctl/ctl.h"

/* Opens call->client from the login unless it is open. CTL_FORBIDDEN when nobody logged in. */
enum ctl_exit ctl_open(struct ctl_call *call) must_check;
/* Sends (body taken) and gives whatever was answered; CTL_UNREACHABLE or CTL_FORBIDDEN are told. */
enum ctl_exit ctl_send(struct ctl_call *call, const char *method, const char *path, json_t *body,
		       struct ctl_answer *answer) must_check;
/* Tells a problem; CTL_FORBIDDEN for 401 and 403, else CTL_FAILED. */
enum ctl_exit ctl_complain(struct ctl_call *call, const struct ctl_answer *answer);
/* Both: CTL_OK with the answer's JSON (the caller's; NULL for 204), or the failure, told. */
enum ctl_exit ctl_ask(struct ctl_call *call, const char *method, const char *path, json_t *body,
		      json_t **ret_json) must_check;
/* GETs every page of a list, at most `max` things, into one array. path may have a query. */
enum ctl_exit ctl_ask_all(struct ctl_call *call, const char *path, const char *noun, size_t max,
			  json_t **ret_list) must_check;
/* Prints JSON, indented, and takes it. CTL_OK. */
enum ctl_exit ctl_print_json(struct ctl_call *call, json_t *json);

/* Prints {"<noun>": list} and takes list. CTL_OK. */
enum ctl_exit ctl_print_list(struct ctl_call *call, const char *noun, json_t *list);

/* A path that grows: ctl_path_add() appends "?name=value" or "&name=value", the value escaped; nothing
 * when value is NULL. */
struct ctl_path {
	char text
		[16384]; /* room for what run.c lets through: CTL_VALUE_MAX per option, CTL_WORD_MAX */
	size_t len;
	bool has_query;
};
void ctl_path_set(struct ctl_path *path, const char *text);
/* Appends "/" and one escaped component. */
void ctl_path_component(struct ctl_path *path, const char *text);
void ctl_path_add(struct ctl_path *path, const char *name, const char *value);

#endif
