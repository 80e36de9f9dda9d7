#include "agent/agent/opener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "agent/agent/spawn.h"
#include "common/fd.h"

int agent_opener_add(struct agent_opener *opener, const char *path, bool folder)
{
	if (opener->count >= AGENT_HELPER_PLACES_MAX)
		return -ENOSPC;
	if (!opener->places)
		opener->places = calloc(AGENT_HELPER_PLACES_MAX, sizeof(*opener->places));
	if (!opener->places)
		return -ENOMEM;
	struct agent_opened_place *place = &opener->places[opener->count++];

	place->folder = folder;
	place->fd = -1;
	place->error = EIO;
	(void)snprintf(place->path, sizeof(place->path), "%s", path); /* at most MV_PATH_MAX */
	return 0;
}

int agent_opener_add_base(struct agent_opener *opener, const char *path)
{
	for (size_t i = 0; i < opener->count; i++)
		if (opener->places[i].folder && strcmp(opener->places[i].path, path) == 0)
			return 0;
	int r = agent_opener_add(opener, path, true);

	if (r == 0)
		opener->places[opener->count - 1].base = true;
	return r;
}

static void end_helper(struct agent_opener *opener)
{
	agent_watch_stop(&opener->watch);
	agent_timer_stop(&opener->timer);
	agent_child_kill(&opener->child);
	if (opener->sock > 0)
		close(opener->sock);
	opener->sock = -1;
}

static void finish(struct agent_opener *opener, int error)
{
	for (size_t i = opener->answered; i < opener->count; i++)
		opener->places[i].error = error;
	end_helper(opener);
	opener->on_done(opener->context);
}

static void on_late(void *context)
{
	finish(context, ETIMEDOUT);
}

static void on_helper_exit(void *context, int status)
{
	(void)context; /* its socket tells the end, after the last answer was read */
	(void)status;
}

static void on_answer(void *context, uint32_t events)
{
	struct agent_opener *opener = context;
	struct agent_helper_opened answer;
	int fd = -1;
	size_t nfds = 1;
	ssize_t n = fd_recv(opener->sock, &answer, sizeof(answer), &fd, &nfds);

	(void)events;
	if (n == -EAGAIN)
		return;
	if (n != sizeof(answer) || answer.type != AGENT_HELPER_OPEN ||
	    (answer.error == 0) != (nfds == 1)) {
		if (n > 0 && nfds == 1)
			close(fd);
		finish(opener, EIO);
		return;
	}
	struct agent_opened_place *place = &opener->places[opener->answered++];

	place->error = (int)answer.error;
	place->fd = answer.error ? -1 : fd;
	if (opener->answered == opener->count)
		finish(opener, 0);
}

static int send_requests(const struct agent_opener *opener)
{
	cleanup_free struct agent_helper_open *request = calloc(1, sizeof(*request));

	if (!request)
		return -ENOMEM;
	for (size_t i = 0; i < opener->count; i++) {
		*request = (struct agent_helper_open){.type = AGENT_HELPER_OPEN,
						      .folder = opener->places[i].folder};
		memcpy(request->path, opener->places[i].path, sizeof(request->path));
		int r = fd_send(opener->sock, request, sizeof(*request), NULL, 0);

		if (r < 0)
			return r;
	}
	return 0;
}

int agent_opener_start(struct agent_opener *opener, struct agent_loop *loop, const char *bin_dir,
		       const struct agent_account *account, agent_on_opened *on_done, void *context,
		       struct err *err)
{
	const struct agent_spawn spawn = {.folder = bin_dir,
					  .name = "ampoule-helper",
					  .uid = account->uid,
					  .gid = account->gid,
					  .group_count = (size_t)account->group_count,
					  .groups = account->groups};
	pid_t pid = 0;

	opener->on_done = on_done;
	opener->context = context;
	int r = agent_spawn_connected(&spawn, &pid, &opener->sock, err);

	if (r < 0)
		return r;
	r = agent_child_watch(&opener->child, loop, pid, on_helper_exit, opener);
	if (r == 0)
		r = send_requests(opener);
	if (r == 0 && fcntl(opener->sock, F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	if (r == 0)
		r = agent_watch_start(&opener->watch, loop, opener->sock, EPOLLIN, on_answer,
				      opener);
	if (r < 0)
		return err_set(err, r, "cannot use ampoule-helper: %s", strerror(-r));
	agent_timer_start(&opener->timer, loop, AGENT_OPENER_LIMIT_MS, on_late, opener);
	return 0;
}

void agent_opener_release(struct agent_opener *opener)
{
	end_helper(opener);
	for (size_t i = 0; i < opener->count; i++)
		if (opener->places[i].fd >= 0)
			close(opener->places[i].fd);
	free(opener->places);
	opener->places = NULL;
	opener->count = 0;
}
