/* Members are hashed by device id, so that ten thousand of them cost what ten do. The lock is never held over
 * a database call. The watcher alone uses its connection; when that is lost it is opened again every few
 * seconds, and everything that may have been missed is read again. */
#include "server/hub.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "server/db.h"
#include "server/uuid.h"

enum {
	BEAT_MS = 30000,
	RETRY_MS = 2000,
	BUCKETS = 8192 /* a power of two */
};

struct srv_hub {
	struct srv_db *db;
	char *conninfo;
	char instance[SRV_UUID_TEXT];
	int wake_fd; /* wakes the watcher */
	pthread_t watcher;
	pthread_mutex_t lock;
	struct srv_member *buckets[BUCKETS]; /* guarded by lock */
	size_t member_count;                 /* guarded by lock */
	struct srv_heads heads;              /* guarded by lock; replaced by the watcher alone */
	bool stopping;                       /* guarded by lock */
};

static void wake(int fd)
{
	const uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one)); /* a full counter is a wake-up already */
}

static void drain(int fd)
{
	uint64_t count;

	(void)!read(fd, &count, sizeof(count)); /* nothing there: woken already */
}

/* FNV-1a; device ids are random, and made by us. */
static size_t bucket_of(const char *device)
{
	uint32_t h = 2166136261U;

	for (; *device; device++)
		h = (h ^ (uint8_t)*device) * 16777619U;
	return h & (BUCKETS - 1);
}

/* Wakes the members whose group's policy is another one than it was. */
static void wake_changed(struct srv_hub *hub, const struct srv_heads *before)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct srv_member *m = hub->buckets[i]; m; m = m->next) {
			if (srv_heads_find(&hub->heads, m->group) !=
			    srv_heads_find(before, m->group))
				m->wake(m->waker);
		}
	}
}

static bool is_same(const struct srv_heads *a, const struct srv_heads *b)
{
	return a->count == b->count &&
	       (!a->count || memcmp(a->list, b->list, a->count * sizeof(*a->list)) == 0);
}

static int refresh(struct srv_hub *hub, struct srv_conn *conn)
{
	struct srv_heads heads;
	struct err err = {0};
	int r = srv_heads_read(conn, &hub->heads, &heads, &err);

	if (r < 0) {
		log_warn("hub: cannot read the policies, trying again: %s", err.text);
		return r;
	}
	pthread_mutex_lock(&hub->lock);
	struct srv_heads before = hub->heads;

	hub->heads = heads;
	if (!is_same(&before, &heads))
		wake_changed(hub, &before);
	pthread_mutex_unlock(&hub->lock);
	srv_heads_release(&before);
	return 0;
}

/* What the database says of a member now: revoked devices are closed, moved ones change their group. */
static void apply_device(struct srv_hub *hub, const char *device, bool active, const char *group)
{
	for (struct srv_member *m = hub->buckets[bucket_of(device)]; m; m = m->next) {
		if (strcmp(m->device, device) != 0)
			continue;
		bool moved = strcmp(m->group, group) != 0;

		if (!active)
			m->closing = true;
		if (moved)
			(void)snprintf(m->group, sizeof(m->group), "%s", group);
		if (moved || !active)
			m->wake(m->waker);
	}
}

static int register_instance(const struct srv_hub *hub, struct srv_conn *conn, struct err *err)
{
	return srv_query(conn, NULL, err,
			 "INSERT INTO instances (id) VALUES ($1) "
			 "ON CONFLICT (id) DO UPDATE SET heartbeat_at = now()",
			 SRV_TEXT(hub->instance));
}

/* An instance that died without a word leaves its devices behind: they were last seen when its heart beat last. */
static int bury(struct srv_conn *conn, struct err *err)
{
	return srv_script(
		conn,
		"WITH dead AS (DELETE FROM instances WHERE heartbeat_at < now() - interval "
		"'1 day' RETURNING id, heartbeat_at) UPDATE devices d SET instance = NULL, "
		"last_seen = greatest(d.last_seen, dead.heartbeat_at) FROM dead WHERE "
		"d.instance = dead.id",
		err);
}

static int beat(struct srv_hub *hub, struct srv_conn *conn)
{
	cleanup_rows struct srv_rows *rows = NULL;
	struct err err = {0};
	int r = register_instance(hub, conn, &err);

	if (r == 0)
		r = bury(conn, &err);
	if (r == 0)
		r = srv_query(conn, &rows, &err,
			      "SELECT id::text, state, group_name FROM devices WHERE instance = $1",
			      SRV_TEXT(hub->instance));
	if (r < 0) {
		log_warn("hub: heartbeat failed, trying again: %s", err.text);
		return r;
	}
	pthread_mutex_lock(&hub->lock);
	for (size_t i = 0; i < srv_rows_count(rows); i++)
		apply_device(hub, srv_rows_text(rows, i, 0),
			     strcmp(srv_rows_text(rows, i, 1), "active") == 0,
			     srv_rows_text(rows, i, 2));
	pthread_mutex_unlock(&hub->lock);
	return 0;
}

static bool is_stopping(struct srv_hub *hub)
{
	pthread_mutex_lock(&hub->lock);
	bool stopping = hub->stopping;

	pthread_mutex_unlock(&hub->lock);
	return stopping;
}

static struct srv_conn *listen_for_policies(struct srv_hub *hub, struct err *err)
{
	struct srv_conn *conn = srv_conn_open(hub->conninfo, err);

	if (!conn)
		return NULL;
	int r = srv_script(conn, "LISTEN ampoule_policy", err);

	if (r == 0)
		r = refresh(hub, conn);
	if (r == 0)
		r = beat(hub, conn);
	if (r == 0)
		return conn;
	srv_conn_close(conn);
	return NULL;
}

/* Waits for a notification, a local wake-up or the next beat. One that came while the last look was reading lies in
 * libpq already, where poll(2) does not see it. */
static int watch_once(struct srv_hub *hub, struct srv_conn *conn, int64_t *next_beat_ms)
{
	struct pollfd p[2] = {{.fd = srv_conn_fd(conn), .events = POLLIN},
			      {.fd = hub->wake_fd, .events = POLLIN}};
	struct timespec t;
	char payload[SRV_GROUP_MAX];
	int told = srv_conn_next_notify(conn, payload, sizeof(payload));

	if (told < 0)
		return told;
	clock_gettime(CLOCK_MONOTONIC, &t);
	int64_t left = *next_beat_ms - ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
	int ready = left > 0 ? poll(p, 2, told ? 0 : (int)left) : 0;
	int r;

	if (ready < 0)
		return errno == EINTR ? 0 : -errno;
	if (p[1].revents)
		drain(hub->wake_fd);
	do
		r = srv_conn_next_notify(conn, payload, sizeof(payload));
	while (r == 1);
	if (r == 0)
		r = refresh(hub, conn);
	if (r < 0 || ready > 0 || (told && left > 0))
		return r;
	*next_beat_ms += BEAT_MS - (left < 0 ? left : 0);
	return beat(hub, conn);
}

static void *watch(void *context)
{
	struct srv_hub *hub = context;
	struct srv_conn *conn = NULL;
	int64_t next_beat_ms = 0;

	while (!is_stopping(hub)) {
		struct err err = {0};

		if (!conn) {
			struct pollfd p = {.fd = hub->wake_fd, .events = POLLIN};
			struct timespec t;

			conn = listen_for_policies(hub, &err);
			clock_gettime(CLOCK_MONOTONIC, &t);
			next_beat_ms = (int64_t)t.tv_sec * 1000 + BEAT_MS;
			if (conn)
				continue;
			log_warn("hub: no database, trying again: %s", err.text);
			if (poll(&p, 1, RETRY_MS) > 0)
				drain(hub->wake_fd);
			continue;
		}
		if (watch_once(hub, conn, &next_beat_ms) < 0) {
			srv_conn_close(conn);
			conn = NULL;
		}
	}
	srv_conn_close(conn);
	return NULL;
}

static void free_hub(struct srv_hub *hub)
{
	if (hub->wake_fd >= 0)
		close(hub->wake_fd);
	srv_heads_release(&hub->heads);
	free(hub->conninfo);
	pthread_mutex_destroy(&hub->lock);
	free(hub);
}

/* Before any device connects, so that none is shown as offline because its instance is not known yet. */
static int introduce(struct srv_hub *hub, struct err *err)
{
	struct srv_conn *conn = srv_db_get(hub->db, err);
	int r = conn ? register_instance(hub, conn, err) : err->code;

	if (r == 0)
		r = srv_heads_read(conn, &(struct srv_heads){0}, &hub->heads, err);
	srv_db_put(hub->db, conn);
	return r;
}

struct srv_hub *srv_hub_start(struct srv_db *db, const char *conninfo, struct err *err)
{
	struct srv_hub *hub = calloc(1, sizeof(*hub));

	if (!hub) {
		(void)err_set(err, -ENOMEM, "hub: out of memory");
		return NULL;
	}
	pthread_mutex_init(&hub->lock, NULL);
	hub->db = db;
	hub->conninfo = strdup(conninfo);
	hub->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!hub->conninfo || hub->wake_fd < 0 || srv_uuid_make(hub->instance) < 0) {
		(void)err_set(err, -ENOMEM, "hub: out of memory or descriptors");
		free_hub(hub);
		return NULL;
	}
	if (introduce(hub, err) < 0) {
		free_hub(hub);
		return NULL;
	}
	int r = pthread_create(&hub->watcher, NULL, watch, hub);

	if (r) {
		(void)err_set(err, -r, "hub: cannot start a thread: %s", strerror(r));
		free_hub(hub);
		return NULL;
	}
	return hub;
}

void srv_hub_stop(struct srv_hub *hub)
{
	struct srv_conn *conn;

	if (!hub)
		return;
	pthread_mutex_lock(&hub->lock);
	hub->stopping = true;
	pthread_mutex_unlock(&hub->lock);
	wake(hub->wake_fd);
	pthread_join(hub->watcher, NULL);
	conn = srv_db_get(hub->db, NULL);
	if (conn) /* else the heartbeat ages anyway */
		(void)!srv_query(conn, NULL, NULL,
				 "WITH gone AS (DELETE FROM instances WHERE id = $1 RETURNING id) "
				 "UPDATE devices SET instance = NULL, last_seen = now() FROM gone "
				 "WHERE instance = gone.id",
				 SRV_TEXT(hub->instance));
	srv_db_put(hub->db, conn);
	free_hub(hub);
}

void srv_hub_policy_changed(struct srv_hub *hub, const char *group, uint64_t serial)
{
	(void)group; /* the watcher reads what is newest for all of them */
	(void)serial;
	wake(hub->wake_fd);
}

static struct srv_member *find(struct srv_hub *hub, const char *device)
{
	for (struct srv_member *m = hub->buckets[bucket_of(device)]; m; m = m->next) {
		if (!m->closing && strcmp(m->device, device) == 0)
			return m;
	}
	return NULL;
}

static void close_member(struct srv_member *m)
{
	m->closing = true;
	m->wake(m->waker);
}

void srv_hub_disconnect(struct srv_hub *hub, const char *device)
{
	pthread_mutex_lock(&hub->lock);
	struct srv_member *m = find(hub, device);

	if (m)
		close_member(m);
	pthread_mutex_unlock(&hub->lock);
}

bool srv_hub_is_connected(struct srv_hub *hub, const char *device)
{
	pthread_mutex_lock(&hub->lock);
	bool found = find(hub, device) != NULL;

	pthread_mutex_unlock(&hub->lock);
	return found;
}

size_t srv_hub_count(struct srv_hub *hub)
{
	pthread_mutex_lock(&hub->lock);
	size_t n = hub->member_count;

	pthread_mutex_unlock(&hub->lock);
	return n;
}

void srv_hub_join(struct srv_hub *hub, struct srv_member *member)
{
	struct srv_member **bucket = &hub->buckets[bucket_of(member->device)];

	pthread_mutex_lock(&hub->lock);
	struct srv_member *before = find(hub, member->device);

	if (before)
		close_member(before);
	member->joined = true;
	member->closing = false;
	member->next = *bucket;
	member->prev = bucket;
	if (*bucket)
		(*bucket)->prev = &member->next;
	*bucket = member;
	hub->member_count++;
	pthread_mutex_unlock(&hub->lock);
}

void srv_hub_leave(struct srv_hub *hub, struct srv_member *member)
{
	if (!member->joined)
		return;
	pthread_mutex_lock(&hub->lock);
	*member->prev = member->next;
	if (member->next)
		member->next->prev = member->prev;
	member->joined = false;
	hub->member_count--;
	pthread_mutex_unlock(&hub->lock);
}

bool srv_hub_is_closing(struct srv_hub *hub, const struct srv_member *member)
{
	pthread_mutex_lock(&hub->lock);
	bool closing = member->closing;

	pthread_mutex_unlock(&hub->lock);
	return closing;
}

void srv_hub_group(struct srv_hub *hub, const struct srv_member *member, char out[SRV_GROUP_MAX])
{
	pthread_mutex_lock(&hub->lock);
	memcpy(out, member->group, SRV_GROUP_MAX);
	pthread_mutex_unlock(&hub->lock);
}

struct srv_policy *srv_hub_policy(struct srv_hub *hub, const struct srv_member *member)
{
	pthread_mutex_lock(&hub->lock);
	struct srv_policy *policy = srv_heads_find(&hub->heads, member->group);

	if (policy)
		(void)srv_policy_ref(policy);
	pthread_mutex_unlock(&hub->lock);
	return policy;
}

const char *srv_hub_instance(const struct srv_hub *hub)
{
	return hub->instance;
}
