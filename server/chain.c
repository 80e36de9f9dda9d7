#include "server/chain.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"

/* What a mac covers: each value of a row as its length (8 bytes, little endian) and its text, so that no two
 * rows have the same bytes. The time is in microseconds since the epoch: the text of a timestamptz depends on
 * the session. */

enum {
	BATCH = 500 /* rows in memory at once */
};

/* Any number will do, as long as nobody else on this database uses it. */
static const int64_t lock_key = 0x414d504f554c4532;

#define ROW_COLUMNS                                                                         \
	"a.id::text, a.xact::text, (extract(epoch FROM a.at) * 1000000)::int8::text, "      \
	"a.actor, a.person, a.token, a.session, a.address, a.request, a.action, a.object, " \
	"a.outcome, a.code, a.count::text, a.was, a.became"

enum column {
	C_ID,
	C_XACT,
	C_COUNT = 16,
	C_SEQUENCE = C_COUNT, /* of verifying, as the next */
	C_LINK_XACT,
	C_MAC
};

static int put_value(struct buf *out, const char *text)
{
	uint64_t n = strlen(text);
	uint8_t length[8];

	for (size_t i = 0; i < sizeof(length); i++)
		length[i] = (uint8_t)(n >> (8 * i));
	int r = buf_put(out, length, sizeof(length));

	return r < 0 ? r : buf_put(out, text, n);
}

/* The mac of row i behind head, whose sequence counts up. */
static int next_mac(const uint8_t key[32], struct srv_chain_head *head, const struct srv_rows *rows,
		    size_t i)
{
	cleanup_buf struct buf text = {0};
	char sequence[24];
	unsigned n = SRV_CHAIN_MAC;
	int r = buf_put(&text, head->mac, sizeof(head->mac));

	head->sequence++;
	snprintf(sequence, sizeof(sequence), "%" PRId64, head->sequence);
	if (r == 0)
		r = put_value(&text, sequence);
	for (size_t c = C_ID; c < C_COUNT && r == 0; c++)
		r = put_value(&text, srv_rows_text(rows, i, c));
	if (r < 0)
		return r;
	return HMAC(EVP_sha256(), key, 32, text.data, text.len, head->mac, &n) ? 0 : -EIO;
}

static void copy_mac(const struct srv_rows *rows, size_t row, size_t column,
		     uint8_t out[SRV_CHAIN_MAC])
{
	size_t n;
	const uint8_t *bytes = srv_rows_bytes(rows, row, column, &n);

	memset(out, 0, SRV_CHAIN_MAC);
	if (n == SRV_CHAIN_MAC)
		memcpy(out, bytes, n);
}

static int read_head(struct srv_conn *conn, struct srv_chain_head *out, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "SELECT sequence, mac FROM audit_chain ORDER BY sequence DESC LIMIT 1");

	*out = (struct srv_chain_head){0};
	if (r < 0 || !srv_rows_count(rows))
		return r;
	out->sequence = srv_rows_int(rows, 0, 0);
	copy_mac(rows, 0, 1, out->mac);
	return 0;
}

/* Chains at most BATCH rows; *ret_count = how many. Rows of transactions that still run come later, whatever
 * their ids: ids are given out before the commit. */
static int extend_once(struct srv_conn *conn, const uint8_t key[32], struct srv_chain_head *head,
		       size_t *ret_count, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "WITH last AS (SELECT xact, row FROM audit_chain ORDER BY sequence DESC "
			  "LIMIT 1) SELECT " ROW_COLUMNS " FROM audit a "
			  "WHERE a.xact < pg_snapshot_xmin(pg_current_snapshot()) "
			  "AND (a.xact, a.id) > (coalesce((SELECT xact FROM last), '0'::xid8), "
			  "coalesce((SELECT row FROM last), 0)) "
			  "ORDER BY a.xact, a.id LIMIT $1::int8",
			  SRV_INT(BATCH));

	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++) {
		if (next_mac(key, head, rows, i) < 0)
			return err_set(err, -EIO, "cannot chain an audit row");
		r = srv_query(conn, NULL, err,
			      "INSERT INTO audit_chain (sequence, xact, row, mac) "
			      "VALUES ($1::int8, $2::text::xid8, $3::text::int8, $4)",
			      SRV_INT(head->sequence), SRV_TEXT(srv_rows_text(rows, i, C_XACT)),
			      SRV_TEXT(srv_rows_text(rows, i, C_ID)),
			      SRV_BYTES(head->mac, SRV_CHAIN_MAC));
	}
	if (r == 0)
		*ret_count = srv_rows_count(rows);
	return r;
}

static int extend_locked(struct srv_conn *conn, const uint8_t key[32], struct srv_chain_head *head,
			 struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	size_t count = BATCH;
	int r = srv_query(conn, &rows, err, "SELECT pg_try_advisory_xact_lock($1)",
			  SRV_INT(lock_key));

	if (r < 0)
		return r;
	bool mine = srv_rows_bool(rows, 0, 0);

	r = read_head(conn, head, err);
	while (mine && r == 0 && count == BATCH)
		r = extend_once(conn, key, head, &count, err);
	return r;
}

int srv_chain_extend(struct srv_conn *conn, const uint8_t key[32], struct srv_chain_head *ret_head,
		     struct err *err)
{
	struct srv_chain_head head;
	int r = srv_begin(conn, err);

	if (r < 0)
		return r;
	r = extend_locked(conn, key, &head, err);
	if (r == 0)
		r = srv_commit(conn, err);
	if (r < 0)
		srv_rollback(conn);
	else
		*ret_head = head;
	return r;
}

int srv_chain_has(struct srv_conn *conn, const struct srv_chain_head *head, bool *ret_has,
		  struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "SELECT FROM audit_chain WHERE sequence = $1::int8 AND mac = $2",
			  SRV_INT(head->sequence), SRV_BYTES(head->mac, SRV_CHAIN_MAC));

	if (r == 0)
		*ret_has = !head->sequence || srv_rows_count(rows);
	return r;
}

/* ---- verifying ---- */

static void find(struct srv_chain_report *report, int64_t sequence, const char *text)
{
	report->intact = false;
	report->sequence = sequence;
	snprintf(report->finding, sizeof(report->finding), "%s", text);
}

/* What a walk needs to know. */
struct check {
	const uint8_t *key;
	const struct srv_chain_head *known;
	size_t known_count;
};

/* A known head that this place of the chain is not. */
static bool is_rewritten(const struct srv_chain_head *at, const struct check *check)
{
	for (size_t i = 0; i < check->known_count; i++) {
		if (check->known[i].sequence == at->sequence &&
		    CRYPTO_memcmp(check->known[i].mac, at->mac, SRV_CHAIN_MAC) != 0)
			return true;
	}
	return false;
}

/* Row i of a batch, behind report->head; what is wrong with it goes into the report. */
static int check_row(const struct check *check, const struct srv_rows *rows, size_t i,
		     struct srv_chain_report *report)
{
	int64_t sequence = srv_rows_int(rows, i, C_SEQUENCE);
	uint8_t mac[SRV_CHAIN_MAC];

	if (sequence != report->head.sequence + 1) {
		find(report, report->head.sequence + 1, "a link of the chain is missing");
		return 0;
	}
	if (srv_rows_is_null(rows, i, C_ID)) {
		find(report, sequence, "the row of this link was removed");
		return 0;
	}
	if (next_mac(check->key, &report->head, rows, i) < 0)
		return -EIO;
	copy_mac(rows, i, C_MAC, mac);
	if (CRYPTO_memcmp(mac, report->head.mac, SRV_CHAIN_MAC) != 0 ||
	    strcmp(srv_rows_text(rows, i, C_XACT), srv_rows_text(rows, i, C_LINK_XACT)) != 0)
		find(report, sequence, "this row was changed, or is not where it was");
	else if (is_rewritten(&report->head, check))
		find(report, sequence, "the chain is not the one that was seen before");
	else
		report->rows++;
	return 0;
}

static int check_batch(struct srv_conn *conn, const struct check *check,
		       struct srv_chain_report *report, size_t *ret_count, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "SELECT " ROW_COLUMNS
			  ", c.sequence, c.xact::text, c.mac FROM audit_chain c "
			  "LEFT JOIN audit a ON a.id = c.row WHERE c.sequence > $1::int8 "
			  "ORDER BY c.sequence LIMIT $2::int8",
			  SRV_INT(report->head.sequence), SRV_INT(BATCH));

	if (r < 0)
		return r;
	for (size_t i = 0; i < srv_rows_count(rows) && report->intact; i++) {
		if (check_row(check, rows, i, report) < 0)
			return err_set(err, -EIO, "cannot check an audit row");
	}
	*ret_count = srv_rows_count(rows);
	return 0;
}

/* Rows older than the newest link that no link has were put in behind the chain's back. */
static int check_unchained(struct srv_conn *conn, struct srv_chain_report *report, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "SELECT count(*), count(*) FILTER (WHERE (a.xact, a.id) < "
			  "(SELECT xact, row FROM audit_chain ORDER BY sequence DESC LIMIT 1)) "
			  "FROM audit a WHERE NOT EXISTS "
			  "(SELECT FROM audit_chain c WHERE c.row = a.id)");

	if (r < 0)
		return r;
	report->waiting = srv_rows_int(rows, 0, 0);
	if (report->intact && srv_rows_int(rows, 0, 1))
		find(report, 0, "a link was removed, or a row put in among older ones");
	return 0;
}

int srv_chain_verify(struct srv_conn *conn, const uint8_t key[32],
		     const struct srv_chain_head *known, size_t known_count,
		     struct srv_chain_report *report, struct err *err)
{
	const struct check check = {.key = key, .known = known, .known_count = known_count};
	size_t count = BATCH;
	int r = 0;

	*report = (struct srv_chain_report){.intact = true};
	while (r == 0 && report->intact && count == BATCH)
		r = check_batch(conn, &check, report, &count, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < known_count && report->intact; i++) {
		if (known[i].sequence > report->head.sequence)
			find(report, report->head.sequence + 1,
			     "rows were cut off the end: a later one was seen before");
	}
	return check_unchained(conn, report, err);
}
