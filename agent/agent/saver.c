#include "agent/agent/saver.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>

#include "agent/agent/spawn.h"
#include "common/fd.h"

static void end_helper(struct agent_saver *saver)
{
	if (!saver->running)
		return;
	agent_watch_stop(&saver->watch);
	agent_timer_stop(&saver->timer);
	agent_child_kill(&saver->child);
	close(saver->sock);
	saver->running = false;
}

/* The last thing that is done here: the one who is told may ask for more, or release us. */
static void finish(struct agent_saver *saver, const struct agent_helper_saved *saved)
{
	agent_on_saved *on_saved = saver->on_saved;

	agent_timer_stop(&saver->timer);
	saver->on_saved = NULL;
	if (on_saved)
		on_saved(saver->context, saved);
}

static void fail(struct agent_saver *saver, uint32_t error)
{
	const struct agent_helper_saved saved = {.type = AGENT_HELPER_SAVE,
						 .outcome = AGENT_SAVED_NOT,
						 .step = AGENT_SAVE_REQUEST,
						 .error = error};

	end_helper(saver);
	finish(saver, &saved);
}

static void on_late(void *context)
{
	fail(context, ETIMEDOUT);
}

static bool is_sound(const struct agent_helper_saved *saved)
{
	return saved->type == AGENT_HELPER_SAVE && saved->outcome >= AGENT_SAVED &&
	       saved->outcome <= AGENT_SAVED_NOT && saved->step <= AGENT_SAVE_PUBLISH &&
	       saved->before <= 1 && (saved->outcome == AGENT_SAVED_NOT) == (saved->error != 0);
}

static void on_answer(void *context, uint32_t events)
{
	struct agent_saver *saver = context;
	struct agent_helper_saved saved;
	ssize_t n = fd_recv(saver->sock, &saved, sizeof(saved), NULL, NULL);

	(void)events;
	if (n == -EAGAIN)
		return;
	if (n != sizeof(saved) || !is_sound(&saved) || !saver->on_saved)
		fail(saver, EIO);
	else
		finish(saver, &saved);
}

static void on_helper_exit(void *context, int status)
{
	(void)context; /* its socket tells the end, after the last answer was read */
	(void)status;
}

static int start_helper(struct agent_saver *saver, struct err *err)
{
	const struct agent_account *account = saver->account;
	const struct agent_spawn spawn = {.folder = saver->bin_dir,
					  .name = "ampoule-helper",
					  .uid = account->uid,
					  .gid = account->gid,
					  .group_count = (size_t)account->group_count,
					  .groups = account->groups};
	pid_t pid = 0;
	int r = agent_spawn_connected(&spawn, &pid, &saver->sock, err);

	if (r < 0)
		return r;
	saver->running = true;
	r = agent_child_watch(&saver->child, saver->loop, pid, on_helper_exit, saver);
	if (r == 0 && fcntl(saver->sock, F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	if (r == 0)
		r = agent_watch_start(&saver->watch, saver->loop, saver->sock, EPOLLIN, on_answer,
				      saver);
	if (r < 0) {
		end_helper(saver);
		return err_set(err, r, "cannot use ampoule-helper: %s", strerror(-r));
	}
	return 0;
}

int agent_saver_save(struct agent_saver *saver, const struct agent_saver_parcel *parcel,
		     agent_on_saved *on_saved, void *context, struct err *err)
{
	if (saver->on_saved)
		return err_set(err, -EBUSY, "a file is being saved");
	int r = saver->running ? 0 : start_helper(saver, err);

	if (r < 0)
		return r;
	r = fd_send(saver->sock, parcel->request, sizeof(*parcel->request), parcel->fds,
		    parcel->nfds);
	if (r < 0) {
		end_helper(saver);
		return err_set(err, r, "cannot ask ampoule-helper: %s", strerror(-r));
	}
	saver->on_saved = on_saved;
	saver->context = context;
	agent_timer_start(&saver->timer, saver->loop, AGENT_SAVER_LIMIT_MS, on_late, saver);
	return 0;
}

void agent_saver_release(struct agent_saver *saver)
{
	saver->on_saved = NULL;
	end_helper(saver);
}
