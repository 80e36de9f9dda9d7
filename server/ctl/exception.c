/* exception from-event: an exception for exactly what one event says was refused, to this user on this device.
 *
 * The event is read from stdin, as `event ls --json` prints it. Every text of it came from an endpoint, and some
 * from a guest: each is put in quotes, and a path that could act as a pattern is refused. */
#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "server/ctl/layers.h"
#include "server/ctl/text.h"

enum option {
	O_UNTIL,
	O_REASON,
	O_ID,
	O_GIT,
	O_DRY
};

enum {
	EVENT_MAX = 64 << 10,
	TEXT_MAX = 4096
};

static const char *member(const json_t *event, const char *name)
{
	const char *text = json_string_value(json_object_get(event, name));

	return text ? text : "";
}

/* Whether the text means itself between the double quotes of YAML, and as a pattern. */
static bool is_plain(const char *text)
{
	size_t n = strlen(text);

	if (n == 0 || n >= TEXT_MAX || strpbrk(text, "\"\\*?{}$"))
		return false;
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	}
	return true;
}

static bool is_id(const char *text)
{
	return *text && strlen(text) < 60 &&
	       !text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")];
}

/* One event, or the first of a list of them. */
static const json_t *event_of(const json_t *json)
{
	const json_t *list = json_object_get(json, "events");

	return json_is_array(list) ? json_array_get(list, 0) : json;
}

static int put_file_rule(struct buf *out, const char *id, const char *path)
{
	return buf_printf(out, "file: [ { id: %s-1, path: [\"%s\"], do: read } ]", id, path);
}

/* What a rule calls the other end of "tcp:[0a000005].git.corp.example:443": its name, or the address when it has
 * none. False for what is no connection. */
static bool find_host(const char *object, char *out, size_t cap)
{
	size_t digits = strncmp(object, "tcp:[", 5) && strncmp(object, "udp:[", 5)
				? 0
				: strspn(object + 5, "0123456789abcdef");
	const char *end = object + 5 + digits, *port = strrchr(object, ':');
	uint8_t address[16] = {0};

	if (strlen(object) < 8 || (digits != 0 && digits != 8 && digits != 32) || *end != ']' ||
	    port <= end || !port[1] || port[1 + strspn(port + 1, "0123456789")])
		return false;
	if (end[1] == '.')
		return snprintf(out, cap, "%.*s", (int)(port - end - 2), end + 2) < (int)cap;
	for (size_t i = 0; i < digits; i++) {
		char c = object[5 + i];
		unsigned value = (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);

		address[i / 2] |= (uint8_t)(value << (i % 2 ? 0 : 4));
	}
	return digits && end + 1 == port &&
	       inet_ntop(digits == 8 ? AF_INET : AF_INET6, address, out, (socklen_t)cap);
}

static int put_net_rule(struct buf *out, const char *id, const char *object)
{
	char host[300] = "";

	(void)find_host(object, host, sizeof(host)); /* event_problem() asked before */
	return buf_printf(
		out, "net: [ { id: %s-1, host: [\"%s\"], proto: %.3s, port: [%s], do: allow } ]",
		id, host, object, strrchr(object, ':') + 1);
}

static int put_rule(struct buf *out, const char *id, const json_t *event)
{
	const char *class = member(event, "class"), *object = member(event, "path");

	if (!strcmp(class, "file") && object[0] == '/')
		return put_file_rule(out, id, object);
	return put_net_rule(out, id, object);
}

static const char *event_problem(const json_t *event)
{
	const char *class = member(event, "class"), *object = member(event, "path");
	const char *host =
		json_string_value(json_object_get(json_object_get(event, "device"), "hostname"));
	char connection[300];

	if (!host || !is_plain(host) || !is_plain(member(event, "user")) ||
	    !is_id(member(event, "task")) ||
	    !is_id(json_string_value(json_object_get(json_object_get(event, "policy"), "id"))
			   ?: ""))
		return "it names no user, device, task or policy";
	if (!is_plain(object))
		return "its object has bytes that a rule would read as a pattern";
	if (strcmp(class, "file") != 0 &&
	    (strcmp(class, "net") != 0 || !find_host(object, connection, sizeof(connection))))
		return "only what was refused of files and connections can be let through";
	return NULL;
}

static int put_document(struct buf *out, const struct ctl_call *call, const char *id,
			const json_t *event)
{
	const char *policy =
		json_string_value(json_object_get(json_object_get(event, "policy"), "id"));
	const char *host =
		json_string_value(json_object_get(json_object_get(event, "device"), "hostname"));
	int r = buf_printf(
		out,
		"ampoule: 1\nkind: exception\nid: %s\nextends: %s\n"
		"for: { users: [\"%s\"], devices: [\"%s\"] }\nuntil: %s\nreason: \"%s\"\n"
		"tasks: [ { id: %s, ",
		id, policy, member(event, "user"), host, call->options[O_UNTIL],
		call->options[O_REASON], member(event, "task"));

	if (r == 0)
		r = put_rule(out, id, event);
	return r == 0 ? buf_printf(out, " } ]\n") : r;
}

static enum ctl_exit read_event(struct ctl_call *call, json_t **ret_json)
{
	static char text[EVENT_MAX];
	size_t n = fread(text, 1, sizeof(text), call->in);
	json_error_t why;

	*ret_json = json_loadb(text, n, JSON_DISABLE_EOF_CHECK, &why);
	return *ret_json ? CTL_OK : ctl_fail(call, "stdin: no event in JSON: %s", why.text);
}

static enum ctl_exit put_exception(struct ctl_call *call, const char *id, const json_t *event)
{
	cleanup_buf struct buf document = {0};
	const char *problem = event_problem(event);

	if (problem)
		return ctl_fail(call, "no exception can be made of this event: %s", problem);
	if (put_document(&document, call, id, event) < 0)
		return ctl_fail(call, "out of memory");
	return ctl_change_layers(call, id,
				 json_pack("{s:s%, s:s, s:i}", "document",
					   (const char *)document.data, document.len, "managed",
					   call->options[O_GIT] ? "git" : "none", "dry",
					   call->options[O_DRY] ? 1 : 0),
				 NULL);
}

enum ctl_exit ctl_exception_from_event(struct ctl_call *call)
{
	char id[64];
	json_t *json = NULL;

	if (!call->options[O_UNTIL] || !call->options[O_REASON])
		return ctl_misused(
			call, "--until and --reason are needed: an exception ends, and says why");
	if (!is_plain(call->options[O_REASON]) || !is_plain(call->options[O_UNTIL]))
		return ctl_misused(call, "--until or --reason has quotes or signs that YAML reads");
	if (call->options[O_ID] && !is_id(call->options[O_ID]))
		return ctl_misused(call, "--id is no id: a-z, 0-9 and -");
	if (call->options[O_ID])
		(void)snprintf(id, sizeof(id), "%s", call->options[O_ID]);
	else
		(void)snprintf(id, sizeof(id), "exc-%llx", (unsigned long long)time(NULL));
	enum ctl_exit r = read_event(call, &json);

	if (r == CTL_OK)
		r = put_exception(call, id, event_of(json));
	json_decref(json);
	return r;
}
