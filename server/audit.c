#include "server/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/fd.h"
#include "common/log.h"
#include "server/derive.h"
#include "server/worker.h"

/* Locks: `lock` guards the refusals, and is not held over a database call; `chaining` makes
 * one flush at a time and guards the head. DIR/audit.head has "SEQUENCE MAC\n". */

enum {
	TICK_S = 1,
	HEAD_TEXT = 24 + DIGEST_HEX
};

_Static_assert((int)SRV_CHAIN_MAC == (int)DIGEST_BYTES, "macs are shown as digests are");

struct refusal {
	char actor[SRV_AUDIT_TEXT_MAX];
	char person[40], token[40], session[40];
	char address[64], request[40];
	char action[SRV_AUDIT_TEXT_MAX];
	char object[SRV_AUDIT_TEXT_MAX];
	char outcome[16], code[48];
	int64_t count;
	time_t first_s; /* of CLOCK_MONOTONIC */
};

struct srv_audit {
	struct srv_db *db;
	const struct srv_config *config;
	uint8_t key[SRV_KEY_BYTES];
	struct srv_worker worker;
	pthread_mutex_t lock; /* guards the next two, also when the worker has ended */
	size_t count;
	struct refusal refusals[SRV_AUDIT_REFUSALS_MAX];
	pthread_mutex_t chaining;
	struct srv_chain_head head; /* the last one seen; guarded by chaining, as the next */
	bool broken;                /* it is no longer in the chain; said once */
};

int srv_audit_add(struct srv_conn *conn, const struct srv_audit_entry *e, struct err *err)
{
	return srv_query(conn, NULL, err,
			 "INSERT INTO audit (actor, person, token, session, address, request, "
			 "action, object, outcome, code, count, was, became) VALUES "
			 "(coalesce($1, ''), coalesce($2, ''), coalesce($3, ''), coalesce($4, ''), "
			 "coalesce($5, ''), coalesce($6, ''), $7, coalesce($8, ''), $9, "
			 "coalesce($10, ''), $11::int8, coalesce($12, ''), coalesce($13, ''))",
			 SRV_TEXT(e->actor), SRV_TEXT(e->person), SRV_TEXT(e->token),
			 SRV_TEXT(e->session), SRV_TEXT(e->address), SRV_TEXT(e->request),
			 SRV_TEXT(e->action), SRV_TEXT(e->object), SRV_TEXT(e->outcome),
			 SRV_TEXT(e->code), SRV_INT(e->count ? e->count : 1), SRV_TEXT(e->was),
			 SRV_TEXT(e->became));
}

/* ---- refusals ---- */

static time_t now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static void fill(struct refusal *out, const struct srv_audit_entry *e)
{
	snprintf(out->actor, sizeof(out->actor), "%s", or_empty(e->actor));
	snprintf(out->person, sizeof(out->person), "%s", or_empty(e->person));
	snprintf(out->token, sizeof(out->token), "%s", or_empty(e->token));
	snprintf(out->session, sizeof(out->session), "%s", or_empty(e->session));
	snprintf(out->address, sizeof(out->address), "%s", or_empty(e->address));
	snprintf(out->request, sizeof(out->request), "%s", or_empty(e->request));
	snprintf(out->action, sizeof(out->action), "%s", or_empty(e->action));
	snprintf(out->object, sizeof(out->object), "%s", or_empty(e->object));
	snprintf(out->outcome, sizeof(out->outcome), "%s", or_empty(e->outcome));
	snprintf(out->code, sizeof(out->code), "%s", or_empty(e->code));
	out->count = 1;
	out->first_s = now_s();
}

/* Equal but for the request (the first one's is kept) and the object. */
static bool is_equal(const struct refusal *a, const struct refusal *b)
{
	return !strcmp(a->actor, b->actor) && !strcmp(a->person, b->person) &&
	       !strcmp(a->token, b->token) && !strcmp(a->session, b->session) &&
	       !strcmp(a->address, b->address) && !strcmp(a->action, b->action) &&
	       !strcmp(a->outcome, b->outcome) && !strcmp(a->code, b->code);
}

void srv_audit_refuse(struct srv_audit *audit, const struct srv_audit_entry *entry)
{
	struct refusal one;
	size_t i = 0;

	if (!audit)
		return;
	fill(&one, entry);
	pthread_mutex_lock(&audit->lock);
	/* The last place is for all that finds no place of its own. */
	if (audit->count == SRV_AUDIT_REFUSALS_MAX - 1) {
		memset(&one, 0, sizeof(one));
		fill(&one, &(struct srv_audit_entry){
				   .action = "(various)", .outcome = "refused", .code = "various"});
	}
	while (i < audit->count && !is_equal(&audit->refusals[i], &one))
		i++;
	if (i < audit->count)
		audit->refusals[i].count++;
	else if (i < SRV_AUDIT_REFUSALS_MAX)
		audit->refusals[audit->count++] = one;
	else
		audit->refusals[SRV_AUDIT_REFUSALS_MAX - 1].count++;
	pthread_mutex_unlock(&audit->lock);
}

/* Takes one refusal that is old enough; false when there is none. */
static bool take_refusal(struct srv_audit *audit, time_t older_than_s, struct refusal *out)
{
	bool found = false;

	pthread_mutex_lock(&audit->lock);
	for (size_t i = 0; i < audit->count && !found; i++) {
		if (audit->refusals[i].first_s > older_than_s)
			continue;
		*out = audit->refusals[i];
		audit->refusals[i] = audit->refusals[--audit->count];
		found = true;
	}
	pthread_mutex_unlock(&audit->lock);
	return found;
}

static int write_refusals(struct srv_audit *audit, struct srv_conn *conn, time_t older_than_s,
			  struct err *err)
{
	struct refusal one;
	int r = 0;

	while (r == 0 && take_refusal(audit, older_than_s, &one)) {
		struct srv_audit_entry entry = {
			.actor = one.actor,
			.person = one.person,
			.token = one.token,
			.session = one.session,
			.address = one.address,
			.request = one.request,
			.action = one.action,
			.object = one.object,
			.outcome = one.outcome,
			.code = one.code,
			.count = one.count,
		};

		r = srv_audit_add(conn, &entry, err);
		if (r < 0)
			log_error("audit: lost action=%s code=%s count=%" PRId64 " peer=%s: %s",
				  one.action, one.code, one.count, one.address, err->text);
	}
	return r;
}

/* ---- the head ---- */

static int head_path(const struct srv_audit *audit, char path[SRV_PATH_MAX])
{
	return srv_config_path(audit->config, "audit.head", path, SRV_PATH_MAX);
}

static void load_head(struct srv_audit *audit)
{
	cleanup_buf struct buf text = {0};
	char path[SRV_PATH_MAX], *end = NULL;
	struct srv_chain_head head = {0};

	if (head_path(audit, path) < 0 || buf_read_file(&text, path, HEAD_TEXT) < 0 ||
	    buf_put_u8(&text, 0) < 0)
		return;
	head.sequence = strtoll((const char *)text.data, &end, 10);
	end[strcspn(end, "\n")] = '\0';
	if (head.sequence > 0 && *end == ' ' && digest_parse(end + 1, head.mac) == 0)
		audit->head = head;
	else
		log_warn("audit: %s is damaged, ignoring", path);
}

/* Moves on to a later head only while the chain still has the one we know: a log that was cut off and went on is
 * no continuation, and our memory of what it was must outlast that. */
static int keep_head(struct srv_audit *audit, struct srv_conn *conn,
		     const struct srv_chain_head *head, struct err *err)
{
	char path[SRV_PATH_MAX], text[HEAD_TEXT + 2], hex[DIGEST_HEX];
	bool has = false;
	int r = srv_chain_has(conn, &audit->head, &has, err);

	if (r < 0)
		return r;
	if (!has && !audit->broken)
		log_error("audit: the log no longer has the row with sequence %" PRId64
			  ": it was tampered with (ampoulectl audit verify)",
			  audit->head.sequence);
	audit->broken = !has;
	if (!has || head->sequence <= audit->head.sequence)
		return 0;
	audit->head = *head;
	digest_hex(head->mac, hex);
	int n = snprintf(text, sizeof(text), "%" PRId64 " %s\n", head->sequence, hex);

	r = head_path(audit, path);
	if (r == 0)
		r = fd_replace_file(path, text, (size_t)n, 0600);
	if (r < 0)
		log_error("audit: cannot keep the head in %s: %s", path, strerror(-r));
	log_info("audit: head sequence=%" PRId64 " mac=%s", head->sequence, hex);
	return 0;
}

static int flush_older(struct srv_audit *audit, time_t older_than_s, struct err *err)
{
	struct srv_conn *conn = srv_db_get(audit->db, err);
	struct srv_chain_head head = {0};

	if (!conn)
		return err->code;
	pthread_mutex_lock(&audit->chaining);
	int r = write_refusals(audit, conn, older_than_s, err);

	if (r == 0)
		r = srv_chain_extend(conn, audit->key, &head, err);
	if (r == 0)
		r = keep_head(audit, conn, &head, err);
	pthread_mutex_unlock(&audit->chaining);
	srv_db_put(audit->db, conn);
	return r;
}

int srv_audit_flush(struct srv_audit *audit, struct err *err)
{
	return flush_older(audit, now_s(), err);
}

int srv_audit_verify(struct srv_audit *audit, struct srv_conn *conn,
		     const struct srv_chain_head *seen, struct srv_chain_report *report,
		     struct err *err)
{
	struct srv_chain_head known[2] = {0};

	pthread_mutex_lock(&audit->chaining);
	known[0] = audit->head;
	pthread_mutex_unlock(&audit->chaining);
	if (seen)
		known[1] = *seen;
	return srv_chain_verify(conn, audit->key, known, 2, report, err);
}

void srv_audit_look(struct srv_audit *audit, struct srv_audit_state *ret_state)
{
	*ret_state = (struct srv_audit_state){0};
	if (!audit)
		return;
	pthread_mutex_lock(&audit->chaining);
	ret_state->sequence = audit->head.sequence;
	ret_state->broken = audit->broken;
	pthread_mutex_unlock(&audit->chaining);
}

/* ---- the thread ---- */

static void *run(void *arg)
{
	struct srv_audit *audit = arg;
	bool failing = false;

	while (srv_worker_pause(&audit->worker, TICK_S * 1000)) {
		struct err err = {0};
		int r = flush_older(audit, now_s() - SRV_AUDIT_GATHER_S, &err);

		if (r < 0 && !failing) /* once, not every second */
			log_error("audit: rows wait to be chained: %s", err.text);
		failing = r < 0;
	}
	return NULL;
}

struct srv_audit *srv_audit_start(struct srv_db *db, const struct srv_config *config,
				  struct err *err)
{
	struct srv_audit *audit = calloc(1, sizeof(*audit));

	if (!audit) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	audit->db = db;
	audit->config = config;
	if (srv_derive_key(config, "ampoule-audit-v1", audit->key, err) < 0) {
		free(audit);
		return NULL;
	}
	load_head(audit);
	pthread_mutex_init(&audit->lock, NULL);
	pthread_mutex_init(&audit->chaining, NULL);
	if (srv_worker_start(&audit->worker, "audit", run, audit, err) == 0)
		return audit;
	pthread_mutex_destroy(&audit->lock);
	pthread_mutex_destroy(&audit->chaining);
	explicit_bzero(audit->key, sizeof(audit->key));
	free(audit);
	return NULL;
}

void srv_audit_stop(struct srv_audit *audit)
{
	struct err err = {0};

	if (!audit)
		return;
	srv_worker_stop(&audit->worker);
	if (srv_audit_flush(audit, &err) < 0)
		log_error("audit: not everything was written: %s", err.text);
	explicit_bzero(audit->key, sizeof(audit->key));
	pthread_mutex_destroy(&audit->lock);
	pthread_mutex_destroy(&audit->chaining);
	free(audit);
}
