/* The local floor: what no policy can open on this endpoint, whoever signed it. Pure. */
#ifndef AGENT_AGENT_FLOOR_H
#define AGENT_AGENT_FLOOR_H

#include <stdbool.h>

/* Whether the path is canonical and lies below /home, /media, /mnt or /srv: the only places of a view. */
bool agent_floor_is_view_path(const char *path);
/* Whether a view may show the path: a view path that does not lead into, contain or equal the agent's
 * own folders. */
bool agent_floor_allows(const char *path, const char *state_dir, const char *run_dir);

#endif
