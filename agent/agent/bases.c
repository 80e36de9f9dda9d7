#include "agent/agent/bases.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

void agent_bases_take(struct agent_bases *bases, struct agent_opener *opener)
{
	bases->list = calloc(opener->count ? opener->count : 1, sizeof(*bases->list));
	for (size_t i = 0; bases->list && i < opener->count; i++) {
		struct agent_opened_place *place = &opener->places[i];
		char *path = place->folder && place->fd >= 0 ? strdup(place->path) : NULL;

		if (path)
			bases->list[bases->count++] =
				(struct agent_base){.fd = take_fd(place->fd), .path = path};
	}
}

void agent_bases_release(struct agent_bases *bases)
{
	for (size_t i = 0; i < bases->count; i++) {
		close(bases->list[i].fd);
		free(bases->list[i].path);
	}
	free(bases->list);
	if (bases->root > 0)
		close(bases->root);
	*bases = (struct agent_bases){0};
}

int agent_bases_find(struct agent_bases *bases, const char *path, const char **ret_below)
{
	const struct agent_base *best = NULL;
	size_t best_n = 0;

	if (path[0] != '/' || path[1] == '\0')
		return -EINVAL;
	for (size_t i = 0; i < bases->count; i++) {
		size_t n = strlen(bases->list[i].path);

		if (n > best_n && strncmp(path, bases->list[i].path, n) == 0 && path[n] == '/') {
			best = &bases->list[i];
			best_n = n;
		}
	}
	*ret_below = path + best_n + 1;
	if (best)
		return best->fd;
	if (bases->root <= 0)
		bases->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return bases->root < 0 ? -errno : bases->root;
}
