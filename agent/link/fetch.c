#include "agent/link/fetch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zstd.h>

#include "common/digest.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/manifest.h"
#include "common/sign.h"
#include "proto/frame.h"

/* Ends the request with a reason for the agent; the agent asks again when it wants to. */
static int fail(struct agent_fetch *f, int sock, const char *text)
{
	struct agent_link_msg msg = {.type = AGENT_LINK_FETCH_FAILED};

	f->under_way = false;
	memcpy(msg.digest, f->asked.digest, sizeof(msg.digest));
	memcpy(msg.name, f->asked.name, sizeof(msg.name));
	(void)snprintf(msg.text, sizeof(msg.text), "%.255s", text);
	return fd_send(sock, &msg, sizeof(msg), NULL, 0);
}

static int fail_and_close(struct agent_fetch *f, int sock, const char *text)
{
	agent_fetch_close(f);
	return fail(f, sock, text);
}

static int send_request(struct agent_fetch *f)
{
	Ampoule__ImageFetch image;
	Ampoule__BlobFetch blob;
	Ampoule__Frame frame;

	ampoule__frame__init(&frame);
	if (f->asked.type == AGENT_LINK_MANIFEST_FETCH) {
		ampoule__image_fetch__init(&image);
		image.name = f->asked.name;
		frame.kind_case = AMPOULE__FRAME__KIND_IMAGE_FETCH;
		frame.image_fetch = &image;
	} else {
		ampoule__blob_fetch__init(&blob);
		blob.digest.data = f->asked.digest;
		blob.digest.len = DIGEST_BYTES;
		blob.offset = f->offset;
		frame.kind_case = AMPOULE__FRAME__KIND_BLOB_FETCH;
		frame.blob_fetch = &blob;
	}
	return agent_channel_send(&f->channel, &frame);
}

static int open_channel(struct agent_fetch *f, struct err *err)
{
	const struct agent_tls_config tls = {.server = f->config->server,
					     .ca = f->config->ca,
					     .alpn = AGENT_ALPN_CHANNEL,
					     .with_certificate = true};

	return agent_channel_open(&f->channel, &tls, err);
}

int agent_fetch_start(struct agent_fetch *f, int sock, const struct agent_link_msg *asked,
		      uint64_t now_ms)
{
	struct err err = {0};

	if (f->under_way) /* the agent changed its mind: what comes for the old wish is dropped with it */
		agent_fetch_close(f);
	f->asked = *asked;
	f->offset = asked->number;
	f->heard_ms = now_ms;
	f->under_way = true;
	/* A connection kept from before may have died meanwhile: then another one is made. */
	if (f->channel.tls && send_request(f) == 0)
		return 0;
	agent_fetch_close(f);
	if (open_channel(f, &err) < 0)
		return fail(f, sock, err.text);
	f->under_way = true;
	if (send_request(f) < 0)
		return fail_and_close(f, sock, "the server broke the download off");
	return 0;
}

int agent_fetch_unpack(const void *data, size_t n, struct buf *out)
{
	unsigned long long content = ZSTD_getFrameContentSize(data, n);

	if (content == ZSTD_CONTENTSIZE_ERROR || content == ZSTD_CONTENTSIZE_UNKNOWN ||
	    ZSTD_findFrameCompressedSize(data, n) != n)
		return -EBADMSG;
	if (content > AGENT_FETCH_PART_MAX)
		return -EFBIG;
	cleanup_free uint8_t *bytes = malloc(content ? content : 1);

	if (!bytes)
		return -ENOMEM;
	if (ZSTD_decompress(bytes, content, data, n) != content)
		return -EBADMSG;
	return buf_put(out, bytes, content);
}

static int on_manifest(struct agent_fetch *f, int sock, const Ampoule__ImageManifest *m)
{
	struct agent_link_msg msg = {.type = AGENT_LINK_MANIFEST};

	if (f->asked.type != AGENT_LINK_MANIFEST_FETCH || strcmp(m->name, f->asked.name) != 0 ||
	    m->manifest.len > MANIFEST_BYTES_MAX || m->signature.len != SIGN_BYTES)
		return fail_and_close(f, sock, "the server sent another manifest than asked for");
	cleanup_fd int manifest = fd_sealed("manifest", m->manifest.data, m->manifest.len);
	cleanup_fd int signature = fd_sealed("signature", m->signature.data, m->signature.len);
	int fds[] = {manifest, signature};

	if (manifest < 0 || signature < 0)
		return fail(f, sock, "no memory for a manifest");
	memcpy(msg.name, f->asked.name, sizeof(msg.name));
	f->under_way = false;
	return fd_send(sock, &msg, sizeof(msg), fds, 2);
}

static int on_chunk(struct agent_fetch *f, int sock, const Ampoule__BlobChunk *chunk)
{
	cleanup_buf struct buf content = {0};
	struct agent_link_msg msg = {
		.type = AGENT_LINK_BLOB, .number = f->offset, .total = f->asked.total};

	if (f->asked.type != AGENT_LINK_BLOB_FETCH || chunk->digest.len != DIGEST_BYTES ||
	    memcmp(chunk->digest.data, f->asked.digest, DIGEST_BYTES) != 0 ||
	    chunk->offset != f->offset || chunk->total != f->asked.total)
		return fail_and_close(f, sock, "the server sent another part than asked for");
	int r = agent_fetch_unpack(chunk->data.data, chunk->data.len, &content);

	if (r < 0 || content.len > f->asked.total - f->offset ||
	    (content.len == 0 && f->offset < f->asked.total))
		return fail_and_close(f, sock, "a part of a download is damaged");
	cleanup_fd int fd = fd_sealed("part", content.data, content.len);

	if (fd < 0)
		return fail_and_close(f, sock, "no memory for a part of a download");
	memcpy(msg.digest, f->asked.digest, sizeof(msg.digest));
	msg.value = (uint32_t)content.len;
	f->offset += content.len;
	f->under_way = f->offset < f->asked.total;
	return fd_send(sock, &msg, sizeof(msg), &fd, 1);
}

static int on_frame(struct agent_fetch *f, int sock, const Ampoule__Frame *frame)
{
	char text[200];

	if (!f->under_way)
		return 0; /* nothing is awaited any more */
	if (frame->kind_case == AMPOULE__FRAME__KIND_IMAGE_MANIFEST)
		return on_manifest(f, sock, frame->image_manifest);
	if (frame->kind_case == AMPOULE__FRAME__KIND_BLOB_CHUNK)
		return on_chunk(f, sock, frame->blob_chunk);
	if (frame->kind_case == AMPOULE__FRAME__KIND_REFUSAL)
		return fail(f, sock,
			    log_quote(text, sizeof(text), frame->refusal->text,
				      strlen(frame->refusal->text)));
	return 0;
}

int agent_fetch_step(struct agent_fetch *f, int sock, uint64_t now_ms)
{
	int r = agent_channel_fill(&f->channel);
	int broken = r < 0 ? r : 0;

	f->again = r == 1;
	for (;;) {
		Ampoule__Frame *frame = NULL;

		if (!f->channel.tls)
			return 0; /* closed by a handler */
		r = agent_channel_next(&f->channel, &frame);
		if (r <= 0)
			break;
		f->heard_ms = now_ms;
		r = on_frame(f, sock, frame);
		wire_free(&frame->base);
		if (r < 0)
			return r;
	}
	if (r == 0 && broken == 0)
		return 0;
	if (!f->under_way) {
		agent_fetch_close(f);
		return 0;
	}
	return fail_and_close(f, sock,
			      r < 0 ? "the server sent a damaged frame"
				    : "the connection broke during a download");
}

void agent_fetch_close(struct agent_fetch *f)
{
	agent_channel_close(&f->channel);
	f->under_way = false;
	f->again = false;
}
