#include "server/chores/chores.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "server/hub.h"

enum {
	LOCK_SPACE = 0x616d7063 /* of our advisory locks: "ampc", and the chore's number */
};

typedef int chore_fn(const struct srv_context *context, struct srv_conn *conn, struct err *err);

struct srv_chores {
	const struct srv_context *context;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping; /* guarded by lock */
};

static int end_exceptions(const struct srv_context *context, struct srv_conn *conn, struct err *err)
{
	size_t groups = 0;
	int r = srv_chore_exceptions(context, conn, &groups, err);

	if (r == 0)
		r = srv_commit(conn, err);
	if (r == 0 && groups)
		srv_hub_policy_changed(context->hub, "", 0);
	return r;
}

static const struct {
	const char *name;
	time_t every_s;
	chore_fn *run; /* in a transaction, which it commits */
} table[] = {
	{"exceptions", 2, end_exceptions},
};

enum {
	CHORES = sizeof(table) / sizeof(table[0])
};

/* Whether this instance is the one to do it now; the lock goes with the transaction. */
static int take_turn(struct srv_conn *conn, size_t n, bool *ret_ours, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "SELECT pg_try_advisory_xact_lock($1::int8::int4, $2::int8::int4)",
			  SRV_INT(LOCK_SPACE), SRV_INT(n));

	if (r == 0)
		*ret_ours = srv_rows_bool(rows, 0, 0);
	return r;
}

static int run_chore(struct srv_chores *chores, size_t n, struct err *err)
{
	struct srv_conn *conn = srv_db_get(chores->context->db, err);
	bool ours = false;
	int r = conn ? srv_begin(conn, err) : err->code;

	if (r == 0)
		r = take_turn(conn, n, &ours, err);
	if (r == 0 && ours)
		r = table[n].run(chores->context, conn, err);
	srv_db_put(chores->context->db, conn); /* undoes what was not committed */
	return r;
}

static bool wait_second(struct srv_chores *chores)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	pthread_mutex_lock(&chores->lock);
	if (!chores->stopping)
		(void)pthread_cond_timedwait(&chores->wake, &chores->lock, &until);
	bool go_on = !chores->stopping;

	pthread_mutex_unlock(&chores->lock);
	return go_on;
}

static void *run(void *arg)
{
	struct srv_chores *chores = arg;
	bool failing[CHORES] = {false};
	time_t due_s[CHORES] = {0}, now_s = 0;

	while (wait_second(chores)) {
		for (size_t n = 0; n < CHORES; n++) {
			struct err err = {0};

			if (now_s < due_s[n])
				continue;
			due_s[n] = now_s + table[n].every_s;
			int r = run_chore(chores, n, &err);

			if (r < 0 && !failing[n]) /* once, not at each turn */
				log_error("chores: %s, trying again: %s", table[n].name, err.text);
			failing[n] = r < 0;
		}
		now_s++;
	}
	return NULL;
}

struct srv_chores *srv_chores_start(const struct srv_context *context, struct err *err)
{
	struct srv_chores *chores = calloc(1, sizeof(*chores));
	pthread_condattr_t clock;

	if (!chores) {
		(void)err_set(err, -ENOMEM, "chores: out of memory");
		return NULL;
	}
	chores->context = context;
	pthread_mutex_init(&chores->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&chores->wake, &clock);
	pthread_condattr_destroy(&clock);
	int r = pthread_create(&chores->thread, NULL, run, chores);

	if (r == 0)
		return chores;
	(void)err_set(err, -r, "chores: cannot start a thread: %s", strerror(r));
	pthread_mutex_destroy(&chores->lock);
	pthread_cond_destroy(&chores->wake);
	free(chores);
	return NULL;
}

void srv_chores_stop(struct srv_chores *chores)
{
	if (!chores)
		return;
	pthread_mutex_lock(&chores->lock);
	chores->stopping = true;
	pthread_cond_signal(&chores->wake);
	pthread_mutex_unlock(&chores->lock);
	pthread_join(chores->thread, NULL);
	pthread_mutex_destroy(&chores->lock);
	pthread_cond_destroy(&chores->wake);
	free(chores);
}
