#include "agent/cli/changes.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "agent/cli/text.h"
#include "agent/helper.h"
#include "agent/sealed.h"
#include "common/log.h"

/* Every path was chosen by a guest: it passes log_quote() before a terminal sees it. */

enum {
	QUOTED = 4 * MV_PATH_MAX + 8
};

static const char *const kinds[AGENT_CHANGE_KINDS] = {
	[AGENT_CHANGE_CHANGED] = "changed", [AGENT_CHANGE_NEW] = "new",
	[AGENT_CHANGE_FOLDER] = "folder",   [AGENT_CHANGE_LINK] = "link",
	[AGENT_CHANGE_DELETED] = "deleted", [AGENT_CHANGE_DAMAGED] = "damaged",
};

static const char *const fates[AGENT_FATES] = {
	[AGENT_FATE_SAVE] = "to be saved",    [AGENT_FATE_ASK] = "to be asked about",
	[AGENT_FATE_KEEP] = "not saved",      [AGENT_FATE_SAVED] = "saved",
	[AGENT_FATE_BESIDE] = "saved beside",
};

static const char *const reasons[AGENT_REASONS] = {
	[AGENT_REASON_NONE] = "",
	[AGENT_REASON_RULE] = "a rule of the policy discards it",
	[AGENT_REASON_NO_RULE] = "no rule of the policy saves it",
	[AGENT_REASON_MAX] = "it is larger than the rule of the policy allows",
	[AGENT_REASON_NAME] = "its name hides it, or starts programs, and no rule names it",
	[AGENT_REASON_KIND] = "this is never saved; the host has what it had",
	[AGENT_REASON_INCOMPLETE] = "the micro-VM did not end by itself, it may be incomplete",
	[AGENT_REASON_NOBODY] = "nobody was there to be asked",
	[AGENT_REASON_USER] = "as you said",
	[AGENT_REASON_INTERRUPTED] = "the saving was interrupted",
	[AGENT_REASON_FAILED] = "saving it failed",
};

static const char *const words[AGENT_REASONS] = {
	[AGENT_REASON_NONE] = "none",
	[AGENT_REASON_RULE] = "rule",
	[AGENT_REASON_NO_RULE] = "no-rule",
	[AGENT_REASON_MAX] = "max",
	[AGENT_REASON_NAME] = "name",
	[AGENT_REASON_KIND] = "kind",
	[AGENT_REASON_INCOMPLETE] = "incomplete",
	[AGENT_REASON_NOBODY] = "nobody",
	[AGENT_REASON_USER] = "user",
	[AGENT_REASON_INTERRUPTED] = "interrupted",
	[AGENT_REASON_FAILED] = "failed",
};

static const char *const steps[AGENT_SAVE_PUBLISH + 1] = {
	[0] = "",
	[AGENT_SAVE_REQUEST] = "what the task wrote cannot be read",
	[AGENT_SAVE_PARENT] = "its folder cannot be reached",
	[AGENT_SAVE_TARGET] = "what is there is no file that you may replace",
	[AGENT_SAVE_CHANGED] = "another file is there now",
	[AGENT_SAVE_BASE] = "the original was changed on this machine, so that the two do not fit",
	[AGENT_SAVE_TEMPORARY] = "no file can be made in its folder",
	[AGENT_SAVE_WRITE] = "it cannot be written",
	[AGENT_SAVE_ATTRIBUTES] = "its owner and mode cannot be kept",
	[AGENT_SAVE_KEEP] = "the version before cannot be kept",
	[AGENT_SAVE_PUBLISH] = "it cannot get its name",
};

static const char *const kept_states[AGENT_KEPT_STATES] = {
	[AGENT_KEPT_RUNNING] = "running",
	[AGENT_KEPT_COMPLETE] = "ended",
	[AGENT_KEPT_INCOMPLETE] = "possibly incomplete",
};

const char *agent_changes_kind(unsigned kind)
{
	return kind < AGENT_CHANGE_KINDS && kinds[kind] ? kinds[kind] : "other";
}

static bool has_content(const struct agent_change *change)
{
	return change->kind == AGENT_CHANGE_CHANGED || change->kind == AGENT_CHANGE_NEW;
}

/* Half a sentence behind the path. */
static void print_reason(const struct agent_change *change, FILE *out)
{
	if (change->reason == AGENT_REASON_FAILED)
		fprintf(out, ": %s (%s)",
			change->step <= AGENT_SAVE_PUBLISH ? steps[change->step] : "",
			strerror((int)change->error));
	else if (change->reason)
		fprintf(out, ": %s", reasons[change->reason]);
	if ((change->reason == AGENT_REASON_RULE || change->reason == AGENT_REASON_MAX) &&
	    change->rule[0])
		fprintf(out, ", rule %s", change->rule);
	if (change->fate == AGENT_FATE_BESIDE)
		fputs(": the file was changed on this machine meanwhile, both are there", out);
	if (change->before)
		fputs(", the version before is kept", out);
}

static void print_change(const struct agent_change *change, FILE *out)
{
	char *quoted = malloc(QUOTED);
	char size[32];

	fprintf(out, "  %-12s %-8s %s", fates[change->fate], agent_changes_kind(change->kind),
		quoted ? log_quote(quoted, QUOTED, change->path, strlen(change->path)) : "");
	if (has_content(change))
		fprintf(out, " (%s)", agent_text_size(change->bytes, size));
	print_reason(change, out);
	fputc('\n', out);
	free(quoted);
}

static void print_head(const struct agent_kept_head *head, FILE *out)
{
	char program[1040];
	char time[32];

	fprintf(out, "%s: %s, task %s, program %s", head->id, kept_states[head->state], head->task,
		log_quote(program, sizeof(program), head->program, strlen(head->program)));
	if (head->until_ns)
		fprintf(out, ", what is not saved is kept until %s",
			agent_text_when(head->until_ns, time));
	fputs(head->changes ? "\n" : ": nothing was changed\n", out);
}

static void count(struct agent_changes_sum *sum, const struct agent_change *change)
{
	sum->changes++;
	sum->saved += change->fate >= AGENT_FATE_SAVED;
	sum->kept += has_content(change) && change->fate < AGENT_FATE_SAVED;
	sum->failed += change->reason == AGENT_REASON_FAILED;
}

static int read_list(int fd, struct buf *bytes, struct err *err)
{
	int r = agent_sealed_read(fd, AGENT_LISTING_BYTES_MAX, bytes);

	return r < 0 ? err_set(err, r, "the agent's list cannot be read: %s", strerror(-r)) : 0;
}

int agent_changes_print(int fd, FILE *out, bool heads, size_t most,
			struct agent_changes_sum *ret_sum, struct err *err)
{
	cleanup_buf struct buf bytes = {0};
	struct agent_changes_sum sum = {0};
	struct agent_kept_head head = {0};
	struct agent_change change;
	size_t shown = 0;
	int r = read_list(fd, &bytes, err);

	if (r < 0)
		return r;
	struct rd rd = rd_of(bytes.data, bytes.len);

	while ((r = agent_listing_next(&rd, &head, &change)) > 0) {
		if (r == 1) {
			if (heads)
				print_head(&head, out);
			sum.micro_vms++;
			shown = 0;
			continue;
		}
		count(&sum, &change);
		if (shown++ < most)
			print_change(&change, out);
		else if (shown == most + 1)
			fprintf(out, "  ... and %u more: ampoule recover %s\n",
				head.changes - (unsigned)most, head.id);
	}
	if (r < 0)
		return err_set(err, r, "the agent's list is damaged");
	*ret_sum = sum;
	return 0;
}

static json_t *change_json(const struct agent_change *change)
{
	cleanup_free char *quoted = malloc(QUOTED);

	if (!quoted)
		return NULL;
	log_quote(quoted, QUOTED, change->path, strlen(change->path));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:b, s:s}", "path", quoted, "change",
			 agent_changes_kind(change->kind), "fate", fates[change->fate], "reason",
			 words[change->reason], "rule", change->rule, "bytes",
			 (json_int_t)change->bytes, "before", change->before, "error",
			 change->error ? strerror((int)change->error) : "");
}

static json_t *head_json(const struct agent_kept_head *head)
{
	char started[32];
	char until[32];

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:[]}", "id", head->id, "state",
			 kept_states[head->state], "task", head->task, "program", head->program,
			 "started", agent_text_when(head->started_ns, started), "until",
			 agent_text_when(head->until_ns, until), "changes");
}

json_t *agent_changes_json(int fd, struct err *err)
{
	cleanup_buf struct buf bytes = {0};
	struct agent_kept_head head = {0};
	struct agent_change change;
	json_t *root = json_array();
	json_t *changes = NULL;
	int r = read_list(fd, &bytes, err);
	struct rd rd = rd_of(bytes.data, bytes.len);

	while (r == 0) {
		r = agent_listing_next(&rd, &head, &change);
		if (r == 1) {
			json_t *vm = head_json(&head);

			changes = json_object_get(vm, "changes");
			r = json_array_append_new(root, vm);
		} else if (r == 2) {
			r = json_array_append_new(changes, change_json(&change));
		} else {
			break;
		}
	}
	if (r == 0)
		return root;
	json_decref(root);
	if (!err->code)
		err_set(err, -EBADMSG, "the agent's list is damaged");
	return NULL;
}

int agent_changes_each(int fd, agent_changes_fn *fn, void *context, struct err *err)
{
	cleanup_buf struct buf bytes = {0};
	struct agent_kept_head head = {0};
	struct agent_change change;
	int r = read_list(fd, &bytes, err);
	struct rd rd = rd_of(bytes.data, bytes.len);

	while (r == 0) {
		r = agent_listing_next(&rd, &head, &change);
		if (r <= 0)
			break;
		bool is_wanted =
			r == 2 &&
			((has_content(&change) && change.fate < AGENT_FATE_SAVED) || change.before);

		r = is_wanted ? fn(context, head.id, &change) : 0;
	}
	if (r < 0 && !err->code)
		err_set(err, r, "the agent's list is damaged");
	return r;
}
