#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "server/ctl/ask.h"
#include "server/ctl/diff.h"
#include "server/ctl/layers.h"
#include "server/ctl/text.h"

enum {
	O_GROUP,
	O_WAIT,
	O_TIMEOUT,
	O_LAYERS,
	O_GIT
};

enum {
	DEVICES_MAX = 1000000,
	POLL_MS = 250
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

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

/* ---- waiting ---- */

struct tally {
	size_t connected, applied, offline, failed;
};

/* Counts, and says once per device why it failed. */
static void count_devices(struct ctl_call *call, const json_t *list, long long serial,
			  struct tally *out)
{
	const json_t *device;
	size_t i;

	*out = (struct tally){0};
	json_array_foreach(list, i, device)
	{
		const json_t *policy = json_object_get(device, "policy");
		const json_t *failed = json_object_get(policy, "failed");
		const json_t *applied = json_object_get(policy, "applied");
		char host[100], reason[300], state[20];

		if (strcmp(ctl_text(state, sizeof(state), device, "state"), "connected")) {
			out->offline += strcmp(state, "revoked") != 0;
			continue;
		}
		out->connected++;
		if (json_integer_value(json_object_get(applied, "serial")) >= serial) {
			out->applied++;
		} else if (json_integer_value(json_object_get(failed, "serial")) >= serial) {
			out->failed++;
			ctl_fail(call, "%s: failed: %s",
				 ctl_text(host, sizeof(host), device, "hostname"),
				 ctl_text(reason, sizeof(reason), failed, "reason"));
		}
	}
}

static enum ctl_exit look(struct ctl_call *call, const char *group, long long serial,
			  struct tally *out)
{
	struct ctl_path path;
	json_t *list = NULL;

	ctl_path_set(&path, "/devices");
	ctl_path_add(&path, "group", group);
	enum ctl_exit r = ctl_ask_all(call, path.text, "devices", DEVICES_MAX, &list);

	if (r != CTL_OK)
		return r;
	count_devices(call, list, serial, out);
	json_decref(list);
	return CTL_OK;
}

static enum ctl_exit wait_applied(struct ctl_call *call, const char *group, long long serial,
				  long long timeout_s)
{
	FILE *say = call->json ? call->err : call->out;
	uint64_t start = now_ms();
	struct tally t;

	for (;;) {
		enum ctl_exit r = look(call, group, serial, &t);
		uint64_t ms = now_ms() - start;

		if (r != CTL_OK)
			return r;
		if (t.failed)
			return CTL_FAILED;
		if (t.applied == t.connected) {
			fprintf(say,
				"applied by %zu of %zu connected devices after %.1f s, %zu "
				"offline\n",
				t.applied, t.connected, (double)ms / 1000, t.offline);
			return CTL_OK;
		}
		if (ms > (uint64_t)timeout_s * 1000)
			return ctl_fail(
				call,
				"applied by only %zu of %zu connected devices after %.1f s; "
				"see: ampoulectl device ls",
				t.applied, t.connected, (double)ms / 1000);
		nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
	}
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
		return ctl_change_layers(
			call, call->words[0],
			json_pack("{s:s%, s:s}", "document", (const char *)document.data,
				  document.len, "managed", call->options[O_GIT] ? "git" : "none"));
	r = post(call, group, &document, &serial);

	if (r != CTL_OK || !call->options[O_WAIT])
		return r;
	return wait_applied(call, group, serial, timeout_s);
}
