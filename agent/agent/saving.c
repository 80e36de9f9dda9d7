#include "agent/agent/saving.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A request with the descriptors that go with it. */
struct parcel {
	struct agent_helper_save request;
	size_t nfds;
	int fds[AGENT_SAVE_FDS_MAX]; /* owned but those that are marked */
	bool borrowed[AGENT_SAVE_FDS_MAX];
};

static int put_fd(struct parcel *p, int fd, bool borrowed)
{
	if (fd < 0)
		return fd;
	p->borrowed[p->nfds] = borrowed;
	p->fds[p->nfds++] = fd;
	return 0;
}

static void parcel_release(struct parcel *p)
{
	for (size_t i = 0; i < p->nfds; i++)
		if (!p->borrowed[i])
			close(p->fds[i]);
	p->nfds = 0;
}

int agent_saving_init(struct agent_saving *saving, const struct agent_deltas *deltas,
		      struct agent_loop *loop, const char *bin_dir,
		      const struct agent_account *account, const char *id, struct err *err)
{
	*saving = (struct agent_saving){.account = *account};
	saving->saver =
		(struct agent_saver){.loop = loop, .bin_dir = bin_dir, .account = &saving->account};
	int r = agent_kept_open(&saving->kept, deltas, account->uid, id, err);

	if (r < 0)
		agent_kept_close(&saving->kept);
	return r;
}

void agent_saving_release(struct agent_saving *saving)
{
	agent_saver_release(&saving->saver);
	/* Nobody told us that it was used; what it holds goes with the folder. */
	agent_kept_close(&saving->kept);
	agent_bases_release(&saving->bases);
	saving->wanted = NULL;
}

/* "report.vm-1a2b.pdf" for "report.pdf"; "" when that is too long for a name. */
static void make_beside(const char *path, const char *id, char out[256])
{
	const char *name = strrchr(path, '/') + 1;
	const char *dot = strrchr(name, '.');
	size_t stem = dot && dot > name ? (size_t)(dot - name) : strlen(name);

	if (snprintf(out, 256, "%.*s.%s%s", (int)stem, name, id, name + stem) >= 256)
		out[0] = '\0';
}

/* Path and folder of the request: where it belongs, or elsewhere. */
static int address(struct agent_saving *saving, struct parcel *p, const char *path,
		   const struct agent_saving_place *place)
{
	const char *below = NULL;
	int base;

	if (place) {
		(void)snprintf(p->request.path, sizeof(p->request.path), "%s", place->name);
		return put_fd(p, place->folder, true);
	}
	base = agent_bases_find(&saving->bases, path, &below);
	if (base < 0)
		return base;
	(void)snprintf(p->request.path, sizeof(p->request.path), "%s", below);
	make_beside(path, saving->kept.meta.id, p->request.beside);
	return put_fd(p, base, true);
}

static int add_before(struct agent_saving *saving, struct parcel *p)
{
	int r = put_fd(p, agent_kept_make_before(&saving->kept, &saving->before), false);

	p->request.flags |= AGENT_SAVE_BEFORE;
	return r;
}

static int pack(struct agent_saving *saving, struct parcel *p,
		const struct agent_saving_place *place)
{
	const char *path = saving->now->what.path;
	const char *below = NULL;
	int r = address(saving, p, path, saving->now == saving->wanted ? place : NULL);

	if (r < 0)
		return r;
	if (saving->now->what.kind == AGENT_CHANGE_FOLDER) {
		p->request.flags = AGENT_SAVE_FOLDER;
		p->request.mode = saving->now->mode;
		return 0;
	}
	r = put_fd(p, agent_changes_open(saving->kept.store, path), false);
	if (r < 0)
		return r;
	if (!place)
		return saving->now->what.kind == AGENT_CHANGE_CHANGED ? add_before(saving, p) : 0;
	p->request.flags |= AGENT_SAVE_ELSEWHERE;
	r = agent_bases_find(&saving->bases, path, &below);
	if (r < 0)
		return r;
	(void)snprintf(p->request.origin, sizeof(p->request.origin), "%s", below);
	return put_fd(p, r, true);
}

static void end(struct agent_saving *saving)
{
	saving->wanted = NULL;
	saving->on_done(saving->context);
}

static void fail(struct agent_saving *saving, uint32_t step, int error)
{
	struct agent_change *what = &saving->wanted->what;

	if (saving->before)
		agent_kept_drop_before(&saving->kept, saving->before);
	what->fate = AGENT_FATE_KEEP;
	what->reason = AGENT_REASON_FAILED;
	what->step = step;
	what->error = (uint32_t)error;
	end(saving);
}

static void go_on(struct agent_saving *saving, const struct agent_saving_place *place);

static void on_saved(void *context, const struct agent_helper_saved *saved)
{
	struct agent_saving *saving = context;
	struct agent_outcome outcome = {.kind = saving->now->what.kind,
					.fate = saved->outcome == AGENT_SAVED ? AGENT_FATE_SAVED
									      : AGENT_FATE_BESIDE,
					.before = saved->before ? saving->before : 0,
					.before_mode = saved->before_mode,
					.before_mtime_ns = saved->before_mtime_ns,
					.bytes = saved->bytes,
					.time_ns = agent_wall_ns()};

	if (saved->outcome == AGENT_SAVED_NOT) {
		fail(saving, saved->step, (int)saved->error);
		return;
	}
	if (saving->before && !saved->before)
		agent_kept_drop_before(&saving->kept, saving->before);
	int r = agent_kept_saved(&saving->kept, saving->now, &outcome);

	if (r < 0)
		saving->now->what.error = (uint32_t)-r; /* it is saved, and listed as not */
	if (saving->now == saving->wanted)
		end(saving);
	else
		go_on(saving, NULL);
}

/* What was written elsewhere is not done with. */
static void on_saved_elsewhere(void *context, const struct agent_helper_saved *saved)
{
	struct agent_saving *saving = context;

	if (saved->outcome == AGENT_SAVED_NOT) {
		fail(saving, saved->step, (int)saved->error);
		return;
	}
	saving->wanted->what.fate = AGENT_FATE_SAVED;
	saving->wanted->what.reason = AGENT_REASON_NONE;
	end(saving);
}

/* The highest new folder above it that is not there yet; the list has it before those below. */
static struct agent_changed *folder_above(struct agent_saving *saving)
{
	const char *path = saving->wanted->what.path;

	for (size_t i = 0; i < saving->kept.changes.count; i++) {
		struct agent_changed *one = &saving->kept.changes.list[i];
		size_t n = strlen(one->what.path);

		if (one->what.kind == AGENT_CHANGE_FOLDER && one->what.fate != AGENT_FATE_SAVED &&
		    strncmp(one->what.path, path, n) == 0 && path[n] == '/')
			return one;
	}
	return NULL;
}

static void go_on(struct agent_saving *saving, const struct agent_saving_place *place)
{
	struct parcel *p = calloc(1, sizeof(*p));
	struct agent_changed *folder = place ? NULL : folder_above(saving);
	struct err err = {0};

	if (!p) {
		fail(saving, AGENT_SAVE_REQUEST, ENOMEM);
		return;
	}
	saving->now = folder ? folder : saving->wanted;
	saving->before = 0;
	p->request.type = AGENT_HELPER_SAVE;
	int r = pack(saving, p, place);

	if (r == 0)
		r = agent_saver_save(&saving->saver, &p->request, p->fds, p->nfds,
				     place ? on_saved_elsewhere : on_saved, saving, &err);
	parcel_release(p);
	free(p);
	if (r < 0)
		fail(saving, AGENT_SAVE_REQUEST, -r);
}

void agent_saving_start(struct agent_saving *saving, struct agent_changed *wanted,
			const struct agent_saving_place *place, agent_saving_done *on_done,
			void *context)
{
	saving->wanted = wanted;
	saving->on_done = on_done;
	saving->context = context;
	go_on(saving, place);
}

int agent_saving_put_back(struct agent_saving *saving, const struct agent_outcome *outcome,
			  const char *path, const struct agent_saving_place *place,
			  agent_on_saved *on_put_back, void *context, struct err *err)
{
	cleanup_free struct parcel *p = calloc(1, sizeof(*p));

	if (!p)
		return err_set(err, -ENOMEM, "out of memory");
	p->request.type = AGENT_HELPER_SAVE;
	p->request.flags = AGENT_SAVE_PLAIN | (place ? 0 : AGENT_SAVE_OVER);
	p->request.mode = outcome->before_mode;
	p->request.mtime_ns = outcome->before_mtime_ns;
	int r = address(saving, p, path, place);

	if (r == 0)
		r = put_fd(p, agent_kept_open_before(&saving->kept, outcome->before), false);
	if (r == 0 && !place)
		r = add_before(saving, p);
	if (r < 0)
		err_set(err, r, "the version before cannot be read: %s", strerror(-r));
	else
		r = agent_saver_save(&saving->saver, &p->request, p->fds, p->nfds, on_put_back,
				     context, err);
	parcel_release(p);
	return r;
}
