#include "agent/agent/history.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void agent_history_put(struct agent_history *history, const struct mv_event *event)
{
	struct mv_event *copy = malloc(sizeof(*copy));

	if (event->verdict >= MV_DENY || event->audit)
		history->refused += event->count;
	if (!copy)
		return;
	memcpy(copy, event, sizeof(*copy));
	size_t at = (history->first + history->count) % AGENT_HISTORY_MAX;

	if (history->count == AGENT_HISTORY_MAX) {
		free(history->events[history->first]);
		history->first = (history->first + 1) % AGENT_HISTORY_MAX;
		history->count--;
	}
	history->events[at] = copy;
	history->count++;
}

const struct mv_event *agent_history_at(const struct agent_history *history, size_t n)
{
	assert(n < history->count);
	return history->events[(history->first + n) % AGENT_HISTORY_MAX];
}

void agent_history_release(struct agent_history *history)
{
	for (size_t i = 0; i < history->count; i++)
		free(history->events[(history->first + i) % AGENT_HISTORY_MAX]);
	*history = (struct agent_history){0};
}
