#include "server/heads.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fleet.pb-c.h"
#include "proto/frame.h"

struct srv_policy *srv_policy_ref(struct srv_policy *policy)
{
	atomic_fetch_add(&policy->refs, 1);
	return policy;
}

void srv_policy_unref(struct srv_policy *policy)
{
	if (!policy || atomic_fetch_sub(&policy->refs, 1) > 1)
		return;
	buf_release(&policy->announce);
	buf_release(&policy->body);
	free(policy);
}

static void policy_unrefp(struct srv_policy **policy)
{
	srv_policy_unref(*policy);
}

static int pack(struct srv_policy *policy, const uint8_t *envelope, size_t n)
{
	Ampoule__PolicyAnnounce announce;
	Ampoule__PolicyBody body;
	Ampoule__Frame frame;

	ampoule__policy_announce__init(&announce);
	ampoule__frame__init(&frame);
	announce.policy_id = policy->id;
	announce.serial = policy->serial;
	announce.digest = (ProtobufCBinaryData){sizeof(policy->digest), policy->digest};
	frame.kind_case = AMPOULE__FRAME__KIND_POLICY_ANNOUNCE;
	frame.policy_announce = &announce;
	int r = wire_put_frame(&policy->announce, &frame.base);

	if (r < 0)
		return r;
	ampoule__policy_body__init(&body);
	body.serial = policy->serial;
	body.envelope = (ProtobufCBinaryData){n, (uint8_t *)(uintptr_t)envelope}; /* only read */
	frame.kind_case = AMPOULE__FRAME__KIND_POLICY_BODY;
	frame.policy_body = &body;
	return wire_put_frame(&policy->body, &frame.base);
}

/* Row of (group_name, policy_id, serial, digest): the policy with its envelope. */
static int load(struct srv_conn *conn, const struct srv_rows *heads, size_t i,
		struct srv_policy **ret_policy, struct err *err)
{
	cleanup_(policy_unrefp) struct srv_policy *policy = calloc(1, sizeof(*policy));
	cleanup_rows struct srv_rows *rows = NULL;
	size_t n;

	if (!policy)
		return err_set(err, -ENOMEM, "out of memory for a policy");
	atomic_init(&policy->refs, 1);
	(void)snprintf(policy->group, sizeof(policy->group), "%s", srv_rows_text(heads, i, 0));
	(void)snprintf(policy->id, sizeof(policy->id), "%s", srv_rows_text(heads, i, 1));
	policy->serial = (uint64_t)srv_rows_int(heads, i, 2);
	const uint8_t *bytes = srv_rows_bytes(heads, i, 3, &n);

	memcpy(policy->digest, bytes, n < DIGEST_BYTES ? n : DIGEST_BYTES);
	int r = srv_query(conn, &rows, err,
			  "SELECT envelope FROM policies WHERE group_name = $1 AND serial = $2",
			  SRV_TEXT(policy->group), SRV_INT(policy->serial));

	if (r == 0 && srv_rows_count(rows) == 0)
		return err_set(err, -EIO, "a policy is gone");
	if (r < 0)
		return r;
	bytes = srv_rows_bytes(rows, 0, 0, &n);
	r = pack(policy, bytes, n);
	if (r < 0)
		return err_set(err, r, "cannot pack a policy: %s", strerror(-r));
	*ret_policy = take_ptr(policy);
	return 0;
}

static int fill(struct srv_conn *conn, const struct srv_rows *rows, const struct srv_heads *before,
		struct srv_heads *heads, struct err *err)
{
	for (size_t i = 0; i < srv_rows_count(rows); i++) {
		struct srv_policy *known = srv_heads_find(before, srv_rows_text(rows, i, 0));
		struct srv_policy **at = &heads->list[i];
		int r = 0;

		if (known && known->serial == (uint64_t)srv_rows_int(rows, i, 2))
			*at = srv_policy_ref(known);
		else
			r = load(conn, rows, i, at, err);
		if (r < 0)
			return r;
		heads->count++;
	}
	return 0;
}

int srv_heads_read(struct srv_conn *conn, const struct srv_heads *before,
		   struct srv_heads *ret_heads, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	/* A step from group to group along the primary key, whatever the number of versions. */
	int r = srv_query(
		conn, &rows, err,
		"SELECT g.name, p.policy_id, p.serial, p.digest FROM groups g, LATERAL "
		"(SELECT policy_id, serial, digest FROM policies WHERE group_name = g.name "
		"ORDER BY serial DESC LIMIT 1) p ORDER BY g.name COLLATE \"C\" LIMIT $1",
		SRV_INT(SRV_HEADS_MAX));

	if (r < 0)
		return r;
	struct srv_heads heads = {.list = calloc(srv_rows_count(rows) + 1, sizeof(*heads.list))};

	if (!heads.list)
		return err_set(err, -ENOMEM, "out of memory for policies");
	r = fill(conn, rows, before, &heads, err);
	if (r == 0)
		*ret_heads = heads;
	else
		srv_heads_release(&heads);
	return r;
}

void srv_heads_release(struct srv_heads *heads)
{
	for (size_t i = 0; i < heads->count; i++)
		srv_policy_unref(heads->list[i]);
	free(heads->list);
	*heads = (struct srv_heads){0};
}

static int compare(const void *group, const void *policy)
{
	return strcmp(group, (*(struct srv_policy *const *)policy)->group);
}

struct srv_policy *srv_heads_find(const struct srv_heads *heads, const char *group)
{
	struct srv_policy **found = heads->count ? bsearch(group, heads->list, heads->count,
							   sizeof(*heads->list), compare)
						 : NULL;

	return found ? *found : NULL;
}
