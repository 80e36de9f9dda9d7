#include "agent/helper/save.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/delta.h"
#include "agent/helper/attributes.h"
#include "agent/helper/place.h"

enum {
	NEW_FILE_BITS =
		0644 /* a file that a guest made is never executable, nor others' to write */
};

/* One save under way. */
struct saving {
	const struct agent_helper_save *request;
	struct agent_helper_saved *reply;
	int base; /* borrowed, all four */
	int content;
	int before;               /* -1: the version before is not wanted */
	int origin_folder;        /* -1: the original is what is at the place */
	struct agent_delta delta; /* not of plain content */
	struct helper_place place;
	struct helper_place origin; /* with origin_folder */
	struct helper_file file;
	bool beside;
};

static int fail(struct saving *s, enum agent_save_step step, int error)
{
	s->reply->step = step;
	return error;
}

static bool is_plain(const struct saving *s)
{
	return s->request->flags & AGENT_SAVE_PLAIN;
}

/* Whether what is at the place is what the task saw there. */
static bool is_as_noted(const struct saving *s)
{
	if (s->request->flags & AGENT_SAVE_OVER)
		return true;
	if (s->request->flags & AGENT_SAVE_ELSEWHERE)
		return s->place.old < 0;
	if (is_plain(s) || s->place.old < 0)
		return s->place.old < 0 && (is_plain(s) || s->delta.header.original.ino == 0);
	return agent_delta_is_original(&s->delta.header.original, &s->place.old_stat);
}

static int step_aside(struct saving *s, int error)
{
	if (s->beside || !s->request->beside[0])
		return fail(s, AGENT_SAVE_CHANGED, error);
	s->beside = true;
	helper_place_rename(&s->place, s->request->beside);
	return 0;
}

static int read_content(struct saving *s)
{
	struct stat st;
	int r = is_plain(s) ? fstat(s->content, &st) : agent_delta_init(&s->delta, s->content);

	if (r < 0)
		return is_plain(s) ? -errno : r;
	if (is_plain(s) ? !S_ISREG(st.st_mode) : s->delta.gone)
		return -EBADMSG;
	s->reply->bytes = is_plain(s) ? (uint64_t)st.st_size : s->delta.size;
	return 0;
}

static bool needs_original(const struct saving *s)
{
	return !is_plain(s) && s->delta.header.base_bytes > 0;
}

static int open_origin(struct saving *s)
{
	if (!needs_original(s) || s->origin_folder < 0)
		return 0;
	return helper_place_open(&s->origin, s->origin_folder, s->request->origin);
}

static int original_fd(const struct saving *s)
{
	return s->origin_folder >= 0 ? s->origin.old : s->place.old;
}

/* The original as the task saw it, when the delta has not all of the file itself. */
static int check_original(const struct saving *s)
{
	struct stat st;

	if (!needs_original(s))
		return 0;
	if (original_fd(s) < 0)
		return -ESTALE;
	if (fstat(original_fd(s), &st) < 0)
		return -errno;
	return agent_delta_is_original(&s->delta.header.original, &st) ? 0 : -ESTALE;
}

static int write_content(struct saving *s)
{
	int r = is_plain(s) ? agent_copy_range(s->content, 0, s->file.fd, 0, s->reply->bytes)
			    : agent_delta_write(&s->delta, original_fd(s), s->file.fd);

	/* Nobody wrote to it while it was read. */
	if (r == 0)
		r = check_original(s);
	return r == -ESTALE ? fail(s, AGENT_SAVE_BASE, r) : r;
}

static int set_attributes(struct saving *s)
{
	uint32_t mode = is_plain(s) ? s->request->mode : s->delta.header.mode;
	int64_t mtime_ns = is_plain(s) ? s->request->mtime_ns : s->delta.mtime_ns;
	int r = s->place.old >= 0
			? helper_keep_attributes(s->file.fd, s->place.old, &s->place.old_stat)
			: 0;

	if (r == 0 && s->place.old < 0 && fchmod(s->file.fd, mode & NEW_FILE_BITS) < 0)
		r = -errno;
	return r < 0 ? r : helper_set_time(s->file.fd, mtime_ns);
}

/* Without the version before, nothing is replaced: what the task wrote may be the loss. */
static int keep_before(struct saving *s)
{
	const struct stat *old = &s->place.old_stat;

	if (s->place.old < 0 || s->before < 0)
		return 0;
	int r = agent_copy_range(s->place.old, 0, s->before, 0, (uint64_t)old->st_size);

	if (r == 0 && fsync(s->before) < 0)
		r = -errno;
	if (r < 0)
		return r;
	s->reply->before = 1;
	s->reply->before_mode = old->st_mode & 0777;
	s->reply->before_mtime_ns =
		(int64_t)old->st_mtim.tv_sec * 1000000000 + old->st_mtim.tv_nsec;
	return 0;
}

static int publish(struct saving *s)
{
	int r = helper_file_publish(&s->file, &s->place);

	if (r != -EEXIST && r != -ESTALE)
		return r;
	s->reply->before = 0; /* it is there still */
	r = step_aside(s, r);
	return r < 0 ? r : helper_file_publish(&s->file, &s->place);
}

static int open_all(struct saving *s)
{
	int r = read_content(s);

	if (r < 0)
		return fail(s, AGENT_SAVE_REQUEST, r);
	r = helper_place_open(&s->place, s->base, s->request->path);
	if (r < 0)
		return fail(s, r == -EPERM || r == -EACCES ? AGENT_SAVE_TARGET : AGENT_SAVE_PARENT,
			    r);
	r = open_origin(s);
	if (r == 0)
		r = check_original(s);
	if (r < 0)
		return fail(s, AGENT_SAVE_BASE, r);
	return is_as_noted(s) ? 0 : step_aside(s, -EEXIST);
}

/* In the order of enum agent_save_step. */
static int save_file(struct saving *s)
{
	static const struct {
		enum agent_save_step step;
		int (*run)(struct saving *s);
	} steps[] = {
		{AGENT_SAVE_WRITE, write_content},
		{AGENT_SAVE_ATTRIBUTES, set_attributes},
		{AGENT_SAVE_KEEP, keep_before},
	};
	int r = open_all(s);

	if (r < 0)
		return r;
	r = helper_file_make(&s->file, &s->place);
	if (r < 0)
		return fail(s, AGENT_SAVE_TEMPORARY, r);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		r = steps[i].run(s);
		if (r < 0)
			return s->reply->step ? r : fail(s, steps[i].step, r);
	}
	if (fsync(s->file.fd) < 0)
		return fail(s, AGENT_SAVE_WRITE, -errno);
	r = publish(s);
	return r < 0 && !s->reply->step ? fail(s, AGENT_SAVE_PUBLISH, r) : r;
}

static bool is_terminated(const char *text, size_t n)
{
	return memchr(text, '\0', n) != NULL;
}

static bool is_sound(const struct agent_helper_save *request, size_t nfds)
{
	uint32_t flags = request->flags;
	size_t wanted = flags & AGENT_SAVE_FOLDER ? 1 : 2;

	wanted += (flags & AGENT_SAVE_BEFORE) != 0;
	wanted += (flags & AGENT_SAVE_ELSEWHERE) != 0;
	if (flags & ~(uint32_t)AGENT_SAVE_FLAGS || nfds != wanted ||
	    ((flags & AGENT_SAVE_FOLDER) && flags != AGENT_SAVE_FOLDER))
		return false;
	return is_terminated(request->path, sizeof(request->path)) &&
	       is_terminated(request->origin, sizeof(request->origin)) &&
	       is_terminated(request->beside, sizeof(request->beside)) &&
	       !strchr(request->beside, '/') && strcmp(request->beside, "..") != 0 &&
	       strcmp(request->beside, ".") != 0;
}

static int run(const struct agent_helper_save *request, const int *fds,
	       struct agent_helper_saved *reply, bool *ret_beside)
{
	struct saving s = {.request = request,
			   .reply = reply,
			   .base = fds[0],
			   .before = -1,
			   .origin_folder = -1,
			   .place = {.folder = -1, .old = -1},
			   .origin = {.folder = -1, .old = -1},
			   .file = {.fd = -1}};

	if (request->flags & AGENT_SAVE_FOLDER) {
		int r = helper_make_folder(s.base, request->path, request->mode);

		return r < 0 ? fail(&s, AGENT_SAVE_PARENT, r) : 0;
	}
	s.content = fds[1];
	if (request->flags & AGENT_SAVE_BEFORE)
		s.before = fds[2];
	if (request->flags & AGENT_SAVE_ELSEWHERE)
		s.origin_folder = fds[s.before < 0 ? 2 : 3];
	int r = save_file(&s);

	helper_file_close(&s.file, &s.place);
	helper_place_close(&s.place);
	helper_place_close(&s.origin);
	*ret_beside = s.beside;
	return r;
}

void helper_save(const struct agent_helper_save *request, const int *fds, size_t nfds,
		 struct agent_helper_saved *reply)
{
	bool beside = false;
	int r = -EBADMSG;

	*reply = (struct agent_helper_saved){.type = AGENT_HELPER_SAVE};
	if (is_sound(request, nfds))
		r = run(request, fds, reply, &beside);
	else
		reply->step = AGENT_SAVE_REQUEST;
	reply->error = r < 0 ? (uint32_t)-r : 0;
	reply->outcome = r < 0 ? AGENT_SAVED_NOT : beside ? AGENT_SAVED_BESIDE : AGENT_SAVED;
	if (r < 0)
		reply->before = 0;
}
