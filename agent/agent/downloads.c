#include "agent/agent/downloads.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent/agent.h"
#include "agent/sealed.h"
#include "common/log.h"

/* One request is under way at a time, so that a push never waits behind more than one answer, and the
 * state here is one download and one digest. */

static void next(struct agent_downloads *d);

static void on_retry(void *context)
{
	struct agent_downloads *d = context;

	for (size_t i = 0; i < d->count; i++)
		if (d->list[i].step == AGENT_DOWNLOAD_FAILED)
			d->list[i].step = AGENT_DOWNLOAD_WAITING;
	next(d);
}

static void fail(struct agent_downloads *d, struct agent_download *download, const char *text)
{
	download->step = AGENT_DOWNLOAD_FAILED;
	(void)snprintf(download->text, sizeof(download->text), "%.255s", text);
	log_warn("downloads: image=%s: %s, trying again later", download->name, text);
	if (!d->retry.loop)
		agent_timer_start(&d->retry, &d->agent->loop, AGENT_DOWNLOAD_RETRY_MS, on_retry, d);
}

static struct agent_download *current(struct agent_downloads *d)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->list[i].step < AGENT_DOWNLOAD_DONE)
			return &d->list[i];
	return NULL;
}

/* Asks for the first missing file; when none is missing the image is complete. */
static void next_file(struct agent_downloads *d, struct agent_download *download)
{
	struct agent *agent = d->agent;
	struct manifest m;
	struct err err = {0};

	if (agent_images_load(&agent->images, &agent->identity, download->name, true, &m, &err) <
	    0) {
		fail(d, download, err.text);
		return;
	}
	for (int i = 0; i < MANIFEST_FILES; i++) {
		struct agent_link_msg ask = {.type = AGENT_LINK_BLOB_FETCH,
					     .total = m.files[i].bytes};

		if (agent_images_has_file(&agent->images, m.files[i].digest, m.files[i].bytes))
			continue;
		memcpy(d->digest, m.files[i].digest, DIGEST_BYTES);
		memcpy(ask.digest, d->digest, DIGEST_BYTES);
		ask.number = agent_images_inbox_bytes(&agent->images, d->digest);
		d->busy = agent_uplink_send(&agent->uplink, &ask, sizeof(ask), NULL, 0) == 0;
		return;
	}
	if (agent_images_promote(&agent->images, &agent->identity, download->name, &err) < 0) {
		fail(d, download, err.text);
		return;
	}
	log_info("downloads: complete image=%s version=%llu", download->name,
		 (unsigned long long)m.version);
	download->step = AGENT_DOWNLOAD_DONE;
	agent_templates_restart(&agent->templates);
}

static void next(struct agent_downloads *d)
{
	struct agent_download *download;

	while (!d->busy && d->agent->uplink.connected && (download = current(d))) {
		if (download->step == AGENT_DOWNLOAD_FILES) {
			next_file(d, download);
			if (download->step == AGENT_DOWNLOAD_FILES && !d->busy)
				return; /* the link is going down */
			continue;
		}
		struct agent_link_msg ask = {.type = AGENT_LINK_MANIFEST_FETCH};

		memcpy(ask.name, download->name, sizeof(ask.name));
		download->step = AGENT_DOWNLOAD_MANIFEST;
		d->busy = agent_uplink_send(&d->agent->uplink, &ask, sizeof(ask), NULL, 0) == 0;
		if (!d->busy)
			return;
	}
}

void agent_downloads_restart(struct agent_downloads *d, struct agent *agent)
{
	const char *name;

	d->agent = agent;
	if (d->busy)
		agent_downloads_pause(d);
	d->count = 0;
	while (d->count < AGENT_DOWNLOADS_MAX &&
	       (name = agent_policies_image(&agent->policies, d->count))) {
		struct agent_download *download = &d->list[d->count++];

		*download = (struct agent_download){0};
		(void)snprintf(download->name, sizeof(download->name), "%s", name);
	}
	next(d);
}

void agent_downloads_pause(struct agent_downloads *d)
{
	d->busy = false;
	for (size_t i = 0; i < d->count; i++)
		if (d->list[i].step == AGENT_DOWNLOAD_MANIFEST)
			d->list[i].step = AGENT_DOWNLOAD_WAITING;
}

static int take_manifest(struct agent_downloads *d, const struct agent_download *download,
			 int manifest_fd, int signature_fd, struct err *err)
{
	cleanup_buf struct buf json = {0};
	cleanup_buf struct buf signature = {0};
	struct agent *agent = d->agent;
	int r = agent_sealed_read(manifest_fd, MANIFEST_BYTES_MAX, &json);

	if (r == 0)
		r = agent_sealed_read(signature_fd, SIGN_BYTES, &signature);
	if (r == 0 && signature.len != SIGN_BYTES)
		r = -EBADMSG;
	if (r < 0)
		return err_set(err, r, "the manifest did not come whole: %s", strerror(-r));
	return agent_images_put_manifest(&agent->images, &agent->identity, download->name,
					 json.data, json.len, signature.data, err);
}

void agent_downloads_manifest(struct agent_downloads *d, const struct agent_link_msg *msg,
			      int manifest_fd, int signature_fd)
{
	struct agent_download *download = current(d);
	struct err err = {0};

	if (!d->busy || !download || download->step != AGENT_DOWNLOAD_MANIFEST ||
	    strcmp(download->name, msg->name) != 0)
		return; /* of an earlier wish */
	d->busy = false;
	if (take_manifest(d, download, manifest_fd, signature_fd, &err) < 0)
		fail(d, download, err.text);
	else
		download->step = AGENT_DOWNLOAD_FILES;
	next(d);
}

void agent_downloads_blob(struct agent_downloads *d, const struct agent_link_msg *msg, int fd)
{
	struct agent_download *download = current(d);
	cleanup_buf struct buf bytes = {0};
	struct err err = {0};

	if (!d->busy || !download || download->step != AGENT_DOWNLOAD_FILES ||
	    memcmp(d->digest, msg->digest, DIGEST_BYTES) != 0)
		return; /* of an earlier wish */
	int r = agent_sealed_read(fd, AGENT_LINK_CHUNK_MAX, &bytes);

	if (r < 0)
		err_set(&err, r, "a part of a file did not come whole: %s", strerror(-r));
	else
		r = agent_images_append(&d->agent->images, msg->digest, msg->number, msg->total,
					bytes.data, bytes.len, &err);
	if (r == 0)
		return; /* more of it comes by itself */
	d->busy = false;
	if (r < 0)
		fail(d, download, err.text);
	next(d);
}

void agent_downloads_failed(struct agent_downloads *d, const struct agent_link_msg *msg)
{
	struct agent_download *download = current(d);
	char text[AGENT_LINK_TEXT_MAX];

	if (!d->busy || !download)
		return;
	d->busy = false;
	(void)snprintf(text, sizeof(text), "%s", msg->text);
	fail(d, download, text);
	next(d);
}

const char *agent_downloads_text(const struct agent_downloads *d, const char *name)
{
	static const char *const words[] = {
		[AGENT_DOWNLOAD_WAITING] = "waits for the server",
		[AGENT_DOWNLOAD_MANIFEST] = "its manifest is being fetched",
		[AGENT_DOWNLOAD_FILES] = "is being fetched",
		[AGENT_DOWNLOAD_DONE] = "",
	};

	for (size_t i = 0; i < d->count; i++)
		if (strcmp(d->list[i].name, name) == 0)
			return d->list[i].step == AGENT_DOWNLOAD_FAILED ? d->list[i].text
									: words[d->list[i].step];
	return "waits for the server";
}
