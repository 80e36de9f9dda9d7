/* Brings in the images that the policy names, through the link: manifest, then each missing file, one at
 * a time, going on where an interrupted one stopped. The agent's thread. */
#ifndef AGENT_AGENT_DOWNLOADS_H
#define AGENT_AGENT_DOWNLOADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/agent/loop.h"
#include "agent/link.h"
#include "common/digest.h"
#include "common/manifest.h"

struct agent;

enum {
	AGENT_DOWNLOADS_MAX = 16, /* images of one policy that are looked after */
	AGENT_DOWNLOAD_RETRY_MS = 15000
};

enum agent_download_step {
	AGENT_DOWNLOAD_WAITING, /* its manifest is to be asked for */
	AGENT_DOWNLOAD_MANIFEST,
	AGENT_DOWNLOAD_FILES,
	AGENT_DOWNLOAD_DONE,
	AGENT_DOWNLOAD_FAILED
};

struct agent_download {
	char name[MANIFEST_NAME_MAX];
	enum agent_download_step step;
	char text[AGENT_LINK_TEXT_MAX]; /* why it failed */
};

/* Embedded; zeroed before use. */
struct agent_downloads {
	struct agent *agent;
	size_t count;
	struct agent_download list[AGENT_DOWNLOADS_MAX];
	uint8_t digest[DIGEST_BYTES]; /* of the file under way */
	bool busy;                    /* an answer of the link is awaited */
	struct agent_timer retry;
};

/* The connection is up, or the policy names other images: look at all of them again. */
void agent_downloads_restart(struct agent_downloads *downloads, struct agent *agent);
/* The connection is down: nothing is under way. */
void agent_downloads_pause(struct agent_downloads *downloads);
/* Answers of the link. Descriptors are borrowed. */
void agent_downloads_manifest(struct agent_downloads *downloads, const struct agent_link_msg *msg,
			      int manifest_fd, int signature_fd);
void agent_downloads_blob(struct agent_downloads *downloads, const struct agent_link_msg *msg,
			  int fd);
void agent_downloads_failed(struct agent_downloads *downloads, const struct agent_link_msg *msg);
/* What an image is waiting for, in words. Borrowed. */
const char *agent_downloads_text(const struct agent_downloads *downloads, const char *name);

#endif
