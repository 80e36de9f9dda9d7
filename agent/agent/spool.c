#include "agent/agent/spool.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* One connection, used by the agent's thread only. Numbers are kept as SQLite's signed 64-bit integers;
 * guest_rip uses all bits and comes back unchanged. */

enum statement {
	ST_PUT,
	ST_READ,
	ST_ACK,
	ST_COUNT,
	ST_BEGIN,
	ST_COMMIT,
	ST_COUNT_OF
};

struct agent_spool {
	sqlite3 *db;                          /* owned */
	sqlite3_stmt *statement[ST_COUNT_OF]; /* owned */
	uint8_t stream[AGENT_STREAM_BYTES];
	uint64_t max_events;
	uint64_t events;  /* stored, the open transaction included */
	uint64_t dropped; /* since the last gap event */
	int open;         /* events in the open transaction */
};

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS meta (stream BLOB NOT NULL);"
	"CREATE TABLE IF NOT EXISTS event ("
	" sequence INTEGER PRIMARY KEY AUTOINCREMENT, wall_clock_ns INTEGER, guest_rip INTEGER,"
	" count INTEGER, dropped INTEGER, serial INTEGER, exit_reason INTEGER, class INTEGER,"
	" op INTEGER, verdict INTEGER, severity INTEGER, audit INTEGER, vm TEXT, task TEXT,"
	" user TEXT, policy_id TEXT, rule TEXT, image TEXT, program TEXT, object BLOB);";

static const char *const sql[ST_COUNT_OF] = {
	[ST_PUT] = "INSERT INTO event VALUES (NULL,?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,"
		   "?15,?16,?17,?18,?19)",
	[ST_READ] = "SELECT * FROM event WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
	[ST_ACK] = "DELETE FROM event WHERE sequence <= ?1",
	[ST_COUNT] = "SELECT count(*), ifnull(min(wall_clock_ns), 0) FROM event",
	[ST_BEGIN] = "BEGIN IMMEDIATE",
	[ST_COMMIT] = "COMMIT",
};

/* Runs a statement that gives no rows. */
static int run(struct agent_spool *spool, enum statement which)
{
	int r = sqlite3_step(spool->statement[which]);

	sqlite3_reset(spool->statement[which]);
	return r == SQLITE_DONE ? 0 : -EIO;
}

static int load_stream(struct agent_spool *spool)
{
	sqlite3_stmt *st = NULL;
	int r = sqlite3_prepare_v2(spool->db, "SELECT stream FROM meta", -1, &st, NULL);

	if (r != SQLITE_OK)
		return -EIO;
	r = sqlite3_step(st);
	bool found = r == SQLITE_ROW && sqlite3_column_bytes(st, 0) == AGENT_STREAM_BYTES;

	if (found)
		memcpy(spool->stream, sqlite3_column_blob(st, 0), AGENT_STREAM_BYTES);
	sqlite3_finalize(st);
	if (found)
		return 0;
	if (getrandom(spool->stream, sizeof(spool->stream), 0) != AGENT_STREAM_BYTES)
		return -EIO;
	if (sqlite3_prepare_v2(spool->db, "INSERT INTO meta VALUES (?1)", -1, &st, NULL) !=
	    SQLITE_OK)
		return -EIO;
	sqlite3_bind_blob(st, 1, spool->stream, AGENT_STREAM_BYTES, SQLITE_STATIC);
	r = sqlite3_step(st);
	sqlite3_finalize(st);
	return r == SQLITE_DONE ? 0 : -EIO;
}

static int prepare(struct agent_spool *spool, const char *path)
{
	static const char pragmas[] =
		"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=2000;"
		"PRAGMA journal_size_limit=16777216; PRAGMA trusted_schema=OFF;";

	if (sqlite3_open_v2(path, &spool->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK ||
	    sqlite3_exec(spool->db, pragmas, NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(spool->db, schema, NULL, NULL, NULL) != SQLITE_OK ||
	    load_stream(spool) < 0)
		return -EIO;
	for (int i = 0; i < ST_COUNT_OF; i++)
		if (sqlite3_prepare_v3(spool->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &spool->statement[i], NULL) != SQLITE_OK)
			return -EIO;
	struct agent_spool_stats stats;

	agent_spool_stat(spool, &stats);
	spool->events = stats.events;
	return 0;
}

static void release(struct agent_spool *spool)
{
	for (int i = 0; i < ST_COUNT_OF; i++)
		sqlite3_finalize(spool->statement[i]);
	sqlite3_close(spool->db);
	memset(spool->statement, 0, sizeof(spool->statement));
	spool->db = NULL;
}

/* Moves a damaged database away, its write-ahead log with it: never overwritten, never replayed. */
static void set_aside(const char *path)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	char from[PATH_MAX];
	char to[PATH_MAX];

	for (size_t i = 0; i < 3; i++)
		if (snprintf(from, sizeof(from), "%s%s", path, suffixes[i]) < PATH_MAX &&
		    snprintf(to, sizeof(to), "%s.bad%s", path, suffixes[i]) < PATH_MAX)
			(void)rename(from, to); /* the log may be missing */
}

int agent_spool_open(const char *path, uint64_t max_events, struct agent_spool **ret_spool,
		     struct err *err)
{
	struct agent_spool *spool = calloc(1, sizeof(*spool));

	if (!spool)
		return err_set(err, -ENOMEM, "out of memory");
	spool->max_events = max_events;
	int r = prepare(spool, path);

	if (r < 0) {
		release(spool);
		set_aside(path);
		r = prepare(spool, path);
	}
	if (r < 0) {
		err_set(err, r, "cannot open the event spool %s: %s", path,
			spool->db ? sqlite3_errmsg(spool->db) : "out of memory");
		release(spool);
		free(spool);
		return r;
	}
	*ret_spool = spool;
	return 0;
}

void agent_spool_close(struct agent_spool *spool)
{
	if (!spool)
		return;
	(void)!agent_spool_commit(spool); /* whoever needs to know committed before */
	release(spool);
	free(spool);
}

static void bind_text(sqlite3_stmt *st, int at, const char *text)
{
	sqlite3_bind_text(st, at, text, -1, SQLITE_STATIC);
}

static int insert(struct agent_spool *spool, const struct agent_event *e)
{
	sqlite3_stmt *st = spool->statement[ST_PUT];
	const uint64_t numbers[] = {e->wall_clock_ns, e->guest_rip,   e->count, e->dropped,
				    e->serial,        e->exit_reason, e->class, e->op,
				    e->verdict,       e->severity,    e->audit};
	const char *const texts[] = {e->vm,   e->task,  e->user,   e->policy_id,
				     e->rule, e->image, e->program};
	int at = 1;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sqlite3_bind_int64(st, at++, (sqlite3_int64)numbers[i]);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		bind_text(st, at++, texts[i]);
	sqlite3_bind_blob(st, at, e->object, (int)e->object_bytes, SQLITE_STATIC);
	int r = run(spool, ST_PUT);

	sqlite3_clear_bindings(st);
	return r;
}

/* The gap as an event of its own, so that a loss is never silent. */
static int insert_gap(struct agent_spool *spool, uint64_t wall_clock_ns)
{
	struct agent_event gap = {.wall_clock_ns = wall_clock_ns,
				  .count = 1,
				  .dropped = spool->dropped,
				  .class = MV_CLASS_MACHINE,
				  .op = MV_OP_WRITE,
				  .verdict = MV_DENY,
				  .severity = MV_HIGH,
				  .object = "spool-full",
				  .object_bytes = 10};
	int r = insert(spool, &gap);

	if (r < 0)
		return r;
	spool->dropped = 0;
	spool->events++;
	spool->open++;
	return 0;
}

int agent_spool_put(struct agent_spool *spool, const struct agent_event *event)
{
	if (spool->events + 2 > spool->max_events) {
		spool->dropped += event->count ? event->count : 1;
		return 0;
	}
	if (!spool->open && run(spool, ST_BEGIN) < 0)
		return -EIO;
	if (spool->dropped && insert_gap(spool, event->wall_clock_ns) < 0)
		return -EIO;
	if (insert(spool, event) < 0)
		return -EIO;
	spool->events++;
	return ++spool->open;
}

int agent_spool_commit(struct agent_spool *spool)
{
	if (!spool->open)
		return 0;
	int r = run(spool, ST_COMMIT);

	if (r < 0) {
		(void)sqlite3_exec(spool->db, "ROLLBACK", NULL, NULL, NULL); /* already failing */
		spool->events -= (uint64_t)spool->open;
		spool->dropped += (uint64_t)spool->open;
	}
	spool->open = 0;
	return r;
}

static void column_text(sqlite3_stmt *st, int at, char *out, size_t cap)
{
	const unsigned char *text = sqlite3_column_text(st, at);

	(void)snprintf(out, cap, "%s", text ? (const char *)text : "");
}

static void read_row(sqlite3_stmt *st, struct agent_event *e)
{
	uint64_t n[12];
	int bytes = sqlite3_column_bytes(st, 19);

	for (int i = 0; i < 12; i++)
		n[i] = (uint64_t)sqlite3_column_int64(st, i);
	*e = (struct agent_event){.sequence = n[0],
				  .wall_clock_ns = n[1],
				  .guest_rip = n[2],
				  .count = n[3],
				  .dropped = n[4],
				  .serial = n[5],
				  .exit_reason = (uint32_t)n[6],
				  .class = (uint8_t)n[7],
				  .op = (uint8_t)n[8],
				  .verdict = (uint8_t)n[9],
				  .severity = (uint8_t)n[10],
				  .audit = (uint8_t)n[11]};
	column_text(st, 12, e->vm, sizeof(e->vm));
	column_text(st, 13, e->task, sizeof(e->task));
	column_text(st, 14, e->user, sizeof(e->user));
	column_text(st, 15, e->policy_id, sizeof(e->policy_id));
	column_text(st, 16, e->rule, sizeof(e->rule));
	column_text(st, 17, e->image, sizeof(e->image));
	column_text(st, 18, e->program, sizeof(e->program));
	e->object_bytes = bytes > MV_PATH_MAX ? MV_PATH_MAX : (uint32_t)bytes;
	if (e->object_bytes)
		memcpy(e->object, sqlite3_column_blob(st, 19), e->object_bytes);
}

int agent_spool_read(struct agent_spool *spool, uint64_t after, struct agent_event *out, size_t max)
{
	sqlite3_stmt *st = spool->statement[ST_READ];
	int n = 0;
	int r = agent_spool_commit(spool);

	if (r < 0)
		return r;
	sqlite3_bind_int64(st, 1, (sqlite3_int64)after);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)max);
	while ((r = sqlite3_step(st)) == SQLITE_ROW && (size_t)n < max)
		read_row(st, &out[n++]);
	sqlite3_reset(st);
	return r == SQLITE_DONE || r == SQLITE_ROW ? n : -EIO;
}

int agent_spool_ack(struct agent_spool *spool, uint64_t sequence)
{
	/* An event is sent after its commit only; what is open now cannot be meant. */
	int r = agent_spool_commit(spool);

	if (r < 0)
		return r;
	sqlite3_bind_int64(spool->statement[ST_ACK], 1, (sqlite3_int64)sequence);
	r = run(spool, ST_ACK);
	if (r < 0)
		return r;
	uint64_t gone = (uint64_t)sqlite3_changes64(spool->db);

	spool->events -= gone < spool->events ? gone : spool->events;
	return 0;
}

const uint8_t *agent_spool_stream(const struct agent_spool *spool)
{
	return spool->stream;
}

void agent_spool_stat(struct agent_spool *spool, struct agent_spool_stats *out)
{
	sqlite3_stmt *st = spool->statement[ST_COUNT];

	*out = (struct agent_spool_stats){.dropped = spool->dropped};
	if (sqlite3_step(st) == SQLITE_ROW) {
		out->events = (uint64_t)sqlite3_column_int64(st, 0);
		out->oldest_ns = (uint64_t)sqlite3_column_int64(st, 1);
	}
	sqlite3_reset(st);
}
