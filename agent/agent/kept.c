#include "agent/agent/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/fd.h"
#include "common/rd.h"
#include "microvisor/delta.h"

_Static_assert(sizeof(struct agent_outcome) == 48, "no padding between fields");

static int add_outcome(struct agent_kept *kept, const struct agent_outcome *what, const char *path,
		       size_t n)
{
	if ((kept->outcome_count & (kept->outcome_count - 1)) == 0) {
		size_t room = kept->outcome_count ? kept->outcome_count * 2 : 16;
		struct agent_kept_outcome *list =
			reallocarray(kept->outcomes, room, sizeof(*kept->outcomes));

		if (!list)
			return -ENOMEM;
		kept->outcomes = list;
	}
	char *copy = strndup(path, n);

	if (!copy)
		return -ENOMEM;
	kept->outcomes[kept->outcome_count++] =
		(struct agent_kept_outcome){.what = *what, .path = copy};
	if (what->before > kept->before)
		kept->before = what->before;
	return 0;
}

/* What a crash cut off at the end is none. */
static int parse_outcomes(struct agent_kept *kept, const struct buf *bytes)
{
	struct rd rd = rd_of(bytes->data, bytes->len);

	while (rd_left(&rd) > 0 && kept->outcome_count < AGENT_OUTCOMES_MAX) {
		struct agent_outcome what;
		const uint8_t *head = rd_bytes(&rd, sizeof(what));

		if (!head)
			return 0;
		memcpy(&what, head, sizeof(what)); /* our own bytes: root's file */
		if (what.magic != AGENT_OUTCOME_MAGIC || what.path_bytes == 0 ||
		    what.path_bytes >= MV_PATH_MAX || what.kind < 1 ||
		    what.kind >= AGENT_CHANGE_KINDS ||
		    (what.fate != AGENT_FATE_SAVED && what.fate != AGENT_FATE_BESIDE))
			return 0;
		const uint8_t *path = rd_bytes(&rd, what.path_bytes);

		if (!path || memchr(path, '\0', what.path_bytes))
			return 0;
		int r = add_outcome(kept, &what, (const char *)path, what.path_bytes);

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_outcomes(struct agent_kept *kept)
{
	cleanup_buf struct buf bytes = {0};
	cleanup_fd int fd = openat(kept->folder, "outcomes", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	int r = buf_read_fd(&bytes, fd, AGENT_OUTCOMES_BYTES_MAX);

	return r < 0 ? r : parse_outcomes(kept, &bytes);
}

int agent_kept_open(struct agent_kept *kept, const struct agent_deltas *deltas, uid_t uid,
		    const char *id, struct err *err)
{
	*kept = (struct agent_kept){.folder = -1, .store = -1, .outcomes_fd = -1};
	kept->folder = agent_deltas_open_one(deltas, uid, id);
	if (kept->folder < 0)
		return err_set(
			err, -ENOENT,
			"nothing is kept of such a micro-VM; `ampoule recover` lists what is");
	int r = agent_deltas_read_meta(kept->folder, &kept->meta);

	if (r == 0)
		r = read_outcomes(kept);
	if (r == 0) {
		kept->store = openat(kept->folder, "store",
				     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = kept->store < 0 ? -errno : agent_changes_read(&kept->changes, kept->store);
	}
	return r < 0 ? err_set(err, r, "what %s wrote cannot be read: %s", id, strerror(-r)) : 0;
}

void agent_kept_close(struct agent_kept *kept)
{
	for (size_t i = 0; i < kept->outcome_count; i++)
		free(kept->outcomes[i].path);
	free(kept->outcomes);
	agent_changes_release(&kept->changes);
	if (kept->folder >= 0)
		close(kept->folder);
	if (kept->store >= 0)
		close(kept->store);
	if (kept->outcomes_fd >= 0)
		close(kept->outcomes_fd);
	*kept = (struct agent_kept){.folder = -1, .store = -1, .outcomes_fd = -1};
}

static const char *before_name(uint32_t number, char out[32])
{
	(void)snprintf(out, 32, "before/%08x", number);
	return out;
}

int agent_kept_make_before(struct agent_kept *kept, uint32_t *ret_number)
{
	char name[32];

	/* One that a crash left without a word is never written over. */
	for (int tries = 0; tries < AGENT_OUTCOMES_MAX; tries++) {
		uint32_t number = ++kept->before;
		int fd = openat(kept->folder, before_name(number, name),
				O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (fd >= 0) {
			*ret_number = number;
			return fd;
		}
		if (errno != EEXIST)
			return -errno;
	}
	return -ENOSPC;
}

void agent_kept_drop_before(struct agent_kept *kept, uint32_t number)
{
	char name[32];

	(void)unlinkat(kept->folder, before_name(number, name), 0); /* goes with the folder */
}

int agent_kept_open_before(const struct agent_kept *kept, uint32_t number)
{
	char name[32];
	int fd = openat(kept->folder, before_name(number, name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

const struct agent_outcome *agent_kept_find_before(const struct agent_kept *kept, const char *path)
{
	for (size_t i = kept->outcome_count; i-- > 0;)
		if (kept->outcomes[i].what.before && strcmp(kept->outcomes[i].path, path) == 0)
			return &kept->outcomes[i].what;
	return NULL;
}

int agent_kept_note(struct agent_kept *kept, const char *path, const struct agent_outcome *outcome)
{
	cleanup_buf struct buf bytes = {0};
	struct agent_outcome what = *outcome;

	what.magic = AGENT_OUTCOME_MAGIC;
	what.path_bytes = (uint32_t)strlen(path);
	if (kept->outcomes_fd < 0)
		kept->outcomes_fd =
			openat(kept->folder, "outcomes",
			       O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (kept->outcomes_fd < 0)
		return -errno;
	int r = buf_put(&bytes, &what, sizeof(what));

	if (r == 0)
		r = buf_put(&bytes, path, what.path_bytes);
	if (r == 0)
		r = fd_write_all(kept->outcomes_fd, bytes.data, bytes.len);
	if (r == 0 && fdatasync(kept->outcomes_fd) < 0)
		r = -errno;
	return r < 0 ? r : add_outcome(kept, &what, path, what.path_bytes);
}

int agent_kept_saved(struct agent_kept *kept, struct agent_changed *changed,
		     const struct agent_outcome *outcome)
{
	char below[MV_PATH_MAX + 8];
	const char *path = changed->what.path;
	int r = changed->what.kind == AGENT_CHANGE_FOLDER ? 0
							  : agent_kept_note(kept, path, outcome);

	if (r < 0)
		return r;
	changed->what.fate = outcome->fate;
	changed->what.reason = AGENT_REASON_NONE;
	changed->what.before = outcome->before != 0;
	if (changed->what.kind == AGENT_CHANGE_FOLDER)
		return 0;
	/* The folders on the way were walked through: the micro-VM that could swap them is dead. */
	(void)snprintf(below, sizeof(below), "%s%s", MV_STORE_TREE, path);
	(void)unlinkat(kept->store, below, 0); /* what stays is destroyed after the grace time */
	return 0;
}

size_t agent_kept_unsaved(const struct agent_kept *kept)
{
	size_t n = 0;

	for (size_t i = 0; i < kept->changes.count; i++) {
		const struct agent_change *what = &kept->changes.list[i].what;
		bool has_content = what->kind == AGENT_CHANGE_CHANGED ||
				   what->kind == AGENT_CHANGE_NEW ||
				   what->kind == AGENT_CHANGE_DAMAGED;

		n += has_content && what->fate < AGENT_FATE_SAVED;
	}
	return n;
}

bool agent_kept_is_empty(const struct agent_kept *kept)
{
	if (agent_kept_unsaved(kept) > 0)
		return false;
	for (size_t i = 0; i < kept->outcome_count; i++)
		if (kept->outcomes[i].what.before)
			return false;
	return !kept->changes.cut;
}

/* A saved file is in both lists until the next reading. */
static bool is_told_as_outcome(const struct agent_change *what)
{
	return what->fate >= AGENT_FATE_SAVED && what->kind != AGENT_CHANGE_FOLDER;
}

int agent_kept_list(const struct agent_kept *kept, uint64_t grace_ns, struct buf *out)
{
	const struct agent_delta_meta *meta = &kept->meta;
	size_t listed = 0;

	for (size_t i = 0; i < kept->changes.count; i++)
		listed += !is_told_as_outcome(&kept->changes.list[i].what);
	struct agent_kept_head head = {.state = meta->state,
				       .changes = (uint32_t)(listed + kept->outcome_count),
				       .started_ns = meta->started_ns,
				       .ended_ns = meta->ended_ns,
				       .until_ns = meta->ended_ns ? meta->ended_ns + grace_ns : 0};

	memcpy(head.id, meta->id, sizeof(head.id));
	memcpy(head.task, meta->task, sizeof(head.task));
	memcpy(head.program, meta->program, sizeof(head.program));
	int r = agent_listing_put_head(out, &head);

	for (size_t i = 0; i < kept->changes.count && r == 0; i++)
		if (!is_told_as_outcome(&kept->changes.list[i].what))
			r = agent_listing_put(out, &kept->changes.list[i].what);
	for (size_t i = 0; i < kept->outcome_count && r == 0; i++) {
		const struct agent_outcome *what = &kept->outcomes[i].what;
		struct agent_change change = {.kind = what->kind,
					      .fate = what->fate,
					      .before = what->before != 0,
					      .bytes = what->bytes,
					      .path = kept->outcomes[i].path};

		r = agent_listing_put(out, &change);
	}
	return r;
}
