#include "server/ctl/wait.h"

#include <string.h>
#include <time.h>

#include "server/ctl/ask.h"
#include "server/ctl/text.h"

enum {
	DEVICES_MAX = 1000000,
	POLL_MS = 250,
	POLL_MANY_MS = 2000, /* when the list of devices is long */
	MANY = 1000
};

struct tally {
	size_t connected, applied, offline, failed;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool is_state(const json_t *device, const char *state)
{
	char text[20];

	return !strcmp(ctl_text(text, sizeof(text), device, "state"), state);
}

/* A device whose failure is older than what it applied has got over it. */
static bool has_failed(const json_t *device, long long serial)
{
	const json_t *failed = json_object_get(json_object_get(device, "policy"), "failed");

	return json_integer_value(json_object_get(failed, "serial")) >= serial;
}

static bool has_applied(const json_t *device, long long serial)
{
	const json_t *applied = json_object_get(json_object_get(device, "policy"), "applied");

	return json_integer_value(json_object_get(applied, "serial")) >= serial;
}

static void count_devices(const json_t *list, long long serial, struct tally *t)
{
	const json_t *device;
	size_t i;

	json_array_foreach(list, i, device)
	{
		bool connected = is_state(device, "connected");

		t->connected += connected;
		t->offline += is_state(device, "offline");
		if (connected && has_applied(device, serial))
			t->applied++;
		else if (connected && has_failed(device, serial))
			t->failed++;
	}
}

static void tell_failed(struct ctl_call *call, const json_t *list, long long serial)
{
	const json_t *device;
	size_t i;

	json_array_foreach(list, i, device)
	{
		char host[100], reason[300];

		if (!is_state(device, "connected") || has_applied(device, serial) ||
		    !has_failed(device, serial))
			continue;
		(void)ctl_fail(call, "%s: failed: %s",
			       ctl_text(host, sizeof(host), device, "hostname"),
			       ctl_text(reason, sizeof(reason), device, "policy.failed.reason"));
	}
}

/* Counts over all groups; when tell is set, says who failed instead. */
static enum ctl_exit look(struct ctl_call *call, const json_t *groups, bool tell, struct tally *out)
{
	const json_t *group;
	size_t i;

	*out = (struct tally){0};
	json_array_foreach(groups, i, group)
	{
		long long serial = json_integer_value(json_object_get(group, "serial"));
		struct ctl_path path;
		json_t *list = NULL;

		ctl_path_set(&path, "/devices");
		ctl_path_add(&path, "group", json_string_value(json_object_get(group, "group")));
		enum ctl_exit r = ctl_ask_all(call, path.text, "devices", DEVICES_MAX, &list);

		if (r != CTL_OK)
			return r;
		count_devices(list, serial, out);
		if (tell)
			tell_failed(call, list, serial);
		json_decref(list);
	}
	return CTL_OK;
}

static enum ctl_exit finish(struct ctl_call *call, const json_t *groups, const struct tally *t,
			    uint64_t ms)
{
	struct tally again;

	fprintf(call->json ? call->err : call->out,
		"applied by %zu of %zu connected devices after %.1f s, %zu failed, %zu offline\n",
		t->applied, t->connected, (double)ms / 1000, t->failed, t->offline);
	if (!t->failed)
		return CTL_OK;
	enum ctl_exit r = look(call, groups, true, &again);

	return r == CTL_OK ? CTL_FAILED : r;
}

static enum ctl_exit wait_applied(struct ctl_call *call, const json_t *groups, long long timeout_s)
{
	uint64_t start = now_ms();
	struct tally t, told = {0};

	for (;;) {
		enum ctl_exit r = look(call, groups, false, &t);
		uint64_t ms = now_ms() - start;

		if (r != CTL_OK)
			return r;
		if (t.applied + t.failed >= t.connected)
			return finish(call, groups, &t, ms);
		if (ms > (uint64_t)timeout_s * 1000) {
			(void)finish(call, groups, &t, ms);
			return ctl_fail(call,
					"%zu devices have not answered; see: ampoulectl "
					"device ls",
					t.connected - t.applied - t.failed);
		}
		if (memcmp(&t, &told, sizeof(t)) != 0)
			fprintf(call->err, "applied by %zu of %zu, %zu failed\n", t.applied,
				t.connected, t.failed);
		told = t;
		nanosleep(&(struct timespec){.tv_sec = t.connected > MANY ? POLL_MANY_MS / 1000 : 0,
					     .tv_nsec =
						     t.connected > MANY ? 0 : POLL_MS * 1000000L},
			  NULL);
	}
}

enum ctl_exit ctl_wait_applied(struct ctl_call *call, json_t *groups, long long timeout_s)
{
	enum ctl_exit r = wait_applied(call, groups, timeout_s);

	json_decref(groups);
	return r;
}
