#include "agent/listing.h"

#include <errno.h>
#include <string.h>

enum {
	ITEM_HEAD = 1,
	ITEM_CHANGE
};

static int put_text(struct buf *out, const char *text, size_t cap)
{
	static const uint8_t zeros[256];
	size_t n = strnlen(text, cap - 1);
	int r = buf_put(out, text, n);

	return r < 0 ? r : buf_put(out, zeros, cap - n);
}

int agent_listing_put_head(struct buf *out, const struct agent_kept_head *head)
{
	int r = buf_put_u32le(out, ITEM_HEAD);

	if (r == 0)
		r = buf_put_u32le(out, head->state);
	if (r == 0)
		r = buf_put_u32le(out, head->changes);
	if (r == 0)
		r = buf_put_u64le(out, head->started_ns);
	if (r == 0)
		r = buf_put_u64le(out, head->ended_ns);
	if (r == 0)
		r = buf_put_u64le(out, head->until_ns);
	if (r == 0)
		r = put_text(out, head->id, sizeof(head->id));
	if (r == 0)
		r = put_text(out, head->task, sizeof(head->task));
	return r < 0 ? r : put_text(out, head->program, sizeof(head->program));
}

int agent_listing_put(struct buf *out, const struct agent_change *change)
{
	size_t path_bytes = strlen(change->path) + 1;
	int r = buf_put_u32le(out, ITEM_CHANGE);

	if (r == 0)
		r = buf_put_u8(out, change->kind);
	if (r == 0)
		r = buf_put_u8(out, change->fate);
	if (r == 0)
		r = buf_put_u8(out, change->reason);
	if (r == 0)
		r = buf_put_u8(out, change->before);
	if (r == 0)
		r = buf_put_u32le(out, change->step);
	if (r == 0)
		r = buf_put_u32le(out, change->error);
	if (r == 0)
		r = buf_put_u64le(out, change->bytes);
	if (r == 0)
		r = put_text(out, change->rule, sizeof(change->rule));
	if (r == 0)
		r = buf_put_u32le(out, (uint32_t)path_bytes);
	return r < 0 ? r : buf_put(out, change->path, path_bytes);
}

static void get_text(struct rd *rd, char *out, size_t cap)
{
	const uint8_t *bytes = rd_bytes(rd, cap);

	if (!bytes)
		return;
	memcpy(out, bytes, cap);
	rd->bad = rd->bad || out[cap - 1] != '\0';
}

static void get_head(struct rd *rd, struct agent_kept_head *head)
{
	head->state = rd_u32le(rd);
	head->changes = rd_u32le(rd);
	head->started_ns = rd_u64le(rd);
	head->ended_ns = rd_u64le(rd);
	head->until_ns = rd_u64le(rd);
	get_text(rd, head->id, sizeof(head->id));
	get_text(rd, head->task, sizeof(head->task));
	get_text(rd, head->program, sizeof(head->program));
	rd->bad = rd->bad || head->state < 1 || head->state >= AGENT_KEPT_STATES;
}

static void get_change(struct rd *rd, struct agent_change *change)
{
	change->kind = rd_u8(rd);
	change->fate = rd_u8(rd);
	change->reason = rd_u8(rd);
	change->before = rd_u8(rd);
	change->step = rd_u32le(rd);
	change->error = rd_u32le(rd);
	change->bytes = rd_u64le(rd);
	get_text(rd, change->rule, sizeof(change->rule));
	uint32_t n = rd_u32le(rd);
	const uint8_t *path = n > 0 && n <= MV_PATH_MAX ? rd_bytes(rd, n) : NULL;

	if (!path || path[n - 1] != '\0' || change->kind < 1 ||
	    change->kind >= AGENT_CHANGE_KINDS || change->fate < 1 || change->fate >= AGENT_FATES ||
	    change->reason >= AGENT_REASONS || change->before > 1)
		rd->bad = true;
	change->path = (const char *)path;
}

int agent_listing_next(struct rd *rd, struct agent_kept_head *head, struct agent_change *change)
{
	if (rd_left(rd) == 0)
		return rd->bad ? -EBADMSG : 0;
	uint32_t item = rd_u32le(rd);

	if (item == ITEM_HEAD)
		get_head(rd, head);
	else if (item == ITEM_CHANGE)
		get_change(rd, change);
	else
		return -EBADMSG;
	return rd->bad ? -EBADMSG : (int)item;
}
