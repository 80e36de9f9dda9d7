/* The templates: for each image and shape that the policy names, one saved micro-VM that clones start
 * from.
 *
 * Made in the background, one at a time and if possible while no micro-VM is starting, once the image is in the
 * store; a task that is launched before its template is ready boots cold: that takes no longer than
 * waiting would, and does not hang on the template's success. A template is two memfds, sealed when its
 * maker has ended: nobody can change them from then on, every clone gets the same two descriptors, and
 * the memory is the agent's, not the first clone's. They go with the agent: making them anew costs
 * seconds, and nothing on disk has to be trusted. A failure leaves nothing behind and is tried again,
 * later each time.
 *
 * An image that changed has another key: its tasks boot cold until the new template is ready, and the old
 * one goes. The agent's thread. */
#ifndef AGENT_AGENT_TEMPLATES_H
#define AGENT_AGENT_TEMPLATES_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/agent/loop.h"
#include "agent/socket.h"
#include "common/cleanup.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/manifest.h"

struct agent;

enum {
	AGENT_TEMPLATES_MAX = 16,
	AGENT_TEMPLATE_DELAY_MS = 1000, /* before the first, and while micro-VMs start */
	AGENT_TEMPLATE_RETRY_MS = 5000, /* doubled with each failure */
	AGENT_TEMPLATE_RETRY_MAX_MS = 600000,
	AGENT_TEMPLATE_LIMIT_MS = 600000 /* to make one: at a low priority */
};

struct agent_template {
	uint8_t key[DIGEST_BYTES];
	struct manifest manifest;
	uint64_t memory_bytes;
	uint32_t cpus;
	bool is_wanted; /* the policy names it */
	enum agent_template_state state;
	int memory_fd; /* owned, like state_fd; -1 unless MAKING or READY */
	int state_fd;
	unsigned failures;
	uint64_t retry_ms; /* CLOCK_MONOTONIC */
	char text[256];    /* why it failed */
};

/* Embedded; zeroed before use. */
struct agent_templates {
	struct agent *agent;
	uint8_t host[DIGEST_BYTES];
	size_t count;
	struct agent_template list[AGENT_TEMPLATES_MAX];
	struct agent_template *making; /* one of list, or NULL */
	struct agent_child child;      /* its microvm */
	struct agent_watch watch;
	struct agent_timer timer;
	unsigned delays; /* of the next one, for micro-VMs that start */
	int control;     /* owned; -1 without child */
	uint32_t end;    /* enum mv_end that it told, 0: none yet */
	uint32_t detail;
};

/* Without a digest of this host there are no templates, and a log line says why. */
void agent_templates_start(struct agent_templates *templates, struct agent *agent);
/* Images or policy have changed: makes what is missing, forgets what is not wanted. */
void agent_templates_restart(struct agent_templates *templates);
void agent_templates_stop(struct agent_templates *templates);

/* The ready template for an image and shape, or NULL. Borrowed until the next call of any other
 * function here. */
const struct agent_template *agent_templates_find(struct agent_templates *templates,
						  const struct manifest *manifest,
						  uint64_t memory_bytes, uint32_t cpus);
bool agent_templates_is_ready(struct agent_templates *templates, const uint8_t key[DIGEST_BYTES]);
/* A clone of it was refused or never came up: it is thrown away and made anew. */
void agent_templates_distrust(struct agent_templates *templates, const uint8_t key[DIGEST_BYTES]);

#endif
