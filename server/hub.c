/* Members are a plain list: an instance holds a thousand or so, and each change walks it once. The lock is
 * never held over a database call. The watcher alone uses its connection; when that is lost it is opened
 * again every few seconds, and everything that may have been missed is read again. */
#include "server/hub.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "common/buf.h"
#include "common/log.h"
#include "server/db.h"
#include "server/uuid.h"

enum {
	BEAT_MS = 30000,
	RETRY_MS = 2000,
	LEAVE_S = 10
};

struct group {
	char name[SRV_GROUP_MAX];
	struct srv_head head;
};

struct srv_hub {
	struct srv_db *db;
	char *conninfo;
	char instance[SRV_UUID_TEXT];
	int wake_fd; /* wakes the watcher */
	pthread_t watcher;
	pthread_mutex_t lock;
	pthread_cond_t left;
	struct srv_member *members; /* guarded by lock */
	size_t member_count;        /* guarded by lock */
	struct group *groups;       /* guarded by lock; written by the watcher alone */
	size_t group_count;
	bool stopping; /* guarded by lock */
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

/* The newest policy of each group, as a fresh array. */
static int read_groups(struct srv_conn *conn, struct group **ret_groups, size_t *ret_count)
{
	cleanup_rows struct srv_rows *rows = NULL;
	struct err err = {0};
	int r = srv_query(conn, &rows, &err,
			  "SELECT DISTINCT ON (group_name) group_name, policy_id, serial, digest "
			  "FROM policies ORDER BY group_name, serial DESC LIMIT 4096");

	if (r < 0)
		return r;
	size_t n = srv_rows_count(rows), bytes;
	struct group *groups = calloc(n + 1, sizeof(*groups));

	if (!groups)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *digest = srv_rows_bytes(rows, i, 3, &bytes);

		(void)snprintf(groups[i].name, SRV_GROUP_MAX, "%s", srv_rows_text(rows, i, 0));
		(void)snprintf(groups[i].head.policy_id, SRV_POLICY_ID_MAX, "%s",
			       srv_rows_text(rows, i, 1));
		groups[i].head.serial = (uint64_t)srv_rows_int(rows, i, 2);
		memcpy(groups[i].head.digest, digest, bytes < DIGEST_BYTES ? bytes : DIGEST_BYTES);
	}
	*ret_groups = groups;
	*ret_count = n;
	return 0;
}

static const struct srv_head *find_head(const struct srv_hub *hub, const char *group)
{
	for (size_t i = 0; i < hub->group_count; i++) {
		if (strcmp(hub->groups[i].name, group) == 0)
			return &hub->groups[i].head;
	}
	return NULL;
}

static int refresh(struct srv_hub *hub, struct srv_conn *conn)
{
	struct group *groups;
	size_t n;
	int r = read_groups(conn, &groups, &n);

	if (r < 0)
		return r;
	pthread_mutex_lock(&hub->lock);
	bool changed = n != hub->group_count ||
		       (n && memcmp(groups, hub->groups, n * sizeof(*groups)) != 0);
	struct group *old = hub->groups;

	hub->groups = groups;
	hub->group_count = n;
	for (struct srv_member *m = hub->members; changed && m; m = m->next)
		wake(m->wake_fd);
	pthread_mutex_unlock(&hub->lock);
	free(old);
	return 0;
}

/* "{uuid,uuid}" of all members. */
static int put_members(struct srv_hub *hub, struct buf *out)
{
	int r = buf_put_u8(out, '{');

	pthread_mutex_lock(&hub->lock);
	for (struct srv_member *m = hub->members; r == 0 && m; m = m->next)
		r = buf_printf(out, "%s%s", m == hub->members ? "" : ",", m->device);
	pthread_mutex_unlock(&hub->lock);
	if (r == 0)
		r = buf_put(out, "}", 2);
	return r;
}

/* What the database says of a member now: revoked devices are closed, moved ones change their group. */
static void apply_device(struct srv_hub *hub, const char *device, bool active, const char *group)
{
	pthread_mutex_lock(&hub->lock);
	for (struct srv_member *m = hub->members; m; m = m->next) {
		if (strcmp(m->device, device) != 0)
			continue;
		bool moved = strcmp(m->group, group) != 0;

		if (!active)
			m->closing = true;
		if (moved)
			(void)snprintf(m->group, sizeof(m->group), "%s", group);
		if (moved || !active)
			wake(m->wake_fd);
	}
	pthread_mutex_unlock(&hub->lock);
}

/* The heartbeat, and last_seen of all members in one statement. */
static int beat(struct srv_hub *hub, struct srv_conn *conn)
{
	cleanup_buf struct buf ids = {0};
	cleanup_rows struct srv_rows *rows = NULL;
	struct err err = {0};
	int r = srv_query(conn, NULL, &err,
			  "INSERT INTO instances (id) VALUES ($1) "
			  "ON CONFLICT (id) DO UPDATE SET heartbeat_at = now()",
			  SRV_TEXT(hub->instance));

	if (r == 0)
		r = srv_script(
			conn, "DELETE FROM instances WHERE heartbeat_at < now() - interval '1 day'",
			&err);
	if (r == 0)
		r = put_members(hub, &ids);
	if (r == 0)
		r = srv_query(conn, &rows, &err,
			      "UPDATE devices SET last_seen = now(), instance = $1 "
			      "WHERE id = ANY ($2::uuid[]) RETURNING id::text, state, group_name",
			      SRV_TEXT(hub->instance), SRV_TEXT((const char *)ids.data));
	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++)
		apply_device(hub, srv_rows_text(rows, i, 0),
			     strcmp(srv_rows_text(rows, i, 1), "active") == 0,
			     srv_rows_text(rows, i, 2));
	if (r < 0)
		log_warn("hub: heartbeat failed, trying again: %s", err.text);
	return r;
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

/* Waits for a notification, a local wake-up or the next beat. */
static int watch_once(struct srv_hub *hub, struct srv_conn *conn, int64_t *next_beat_ms)
{
	struct pollfd p[2] = {{.fd = srv_conn_fd(conn), .events = POLLIN},
			      {.fd = hub->wake_fd, .events = POLLIN}};
	struct timespec t;
	char payload[SRV_GROUP_MAX];
	int r;

	clock_gettime(CLOCK_MONOTONIC, &t);
	int64_t left = *next_beat_ms - ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
	int ready = left > 0 ? poll(p, 2, (int)left) : 0;

	if (ready < 0)
		return errno == EINTR ? 0 : -errno;
	if (p[1].revents)
		drain(hub->wake_fd);
	do
		r = srv_conn_next_notify(conn, payload, sizeof(payload));
	while (r == 1);
	if (r == 0)
		r = refresh(hub, conn);
	if (r < 0 || ready > 0)
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
	free(hub->groups);
	free(hub->conninfo);
	pthread_cond_destroy(&hub->left);
	pthread_mutex_destroy(&hub->lock);
	free(hub);
}

struct srv_hub *srv_hub_start(struct srv_db *db, const char *conninfo, struct err *err)
{
	struct srv_hub *hub = calloc(1, sizeof(*hub));

	if (!hub) {
		(void)err_set(err, -ENOMEM, "hub: out of memory");
		return NULL;
	}
	pthread_mutex_init(&hub->lock, NULL);
	pthread_cond_init(&hub->left, NULL);
	hub->db = db;
	hub->conninfo = strdup(conninfo);
	hub->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!hub->conninfo || hub->wake_fd < 0 || srv_uuid_make(hub->instance) < 0) {
		(void)err_set(err, -ENOMEM, "hub: out of memory or descriptors");
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

static void wait_for_members(struct srv_hub *hub)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LEAVE_S;
	while (hub->member_count && pthread_cond_timedwait(&hub->left, &hub->lock, &until) == 0)
		;
}

void srv_hub_stop(struct srv_hub *hub)
{
	struct srv_conn *conn;

	if (!hub)
		return;
	pthread_mutex_lock(&hub->lock);
	hub->stopping = true;
	for (struct srv_member *m = hub->members; m; m = m->next) {
		m->closing = true;
		wake(m->wake_fd);
	}
	wait_for_members(hub);
	pthread_mutex_unlock(&hub->lock);
	wake(hub->wake_fd);
	pthread_join(hub->watcher, NULL);
	conn = srv_db_get(hub->db, NULL);
	if (conn)
		(void)!srv_query(conn, NULL, NULL, "DELETE FROM instances WHERE id = $1",
				 SRV_TEXT(hub->instance)); /* the heartbeat ages anyway */
	srv_db_put(hub->db, conn);
	free_hub(hub);
}

void srv_hub_policy_changed(struct srv_hub *hub, const char *group, uint64_t serial)
{
	(void)group; /* the watcher reads what is newest for all of them */
	(void)serial;
	wake(hub->wake_fd);
}

static struct srv_member *find(struct srv_hub *hub, const char *device,
			       const struct srv_member *but)
{
	for (struct srv_member *m = hub->members; m; m = m->next) {
		if (m != but && !m->closing && strcmp(m->device, device) == 0)
			return m;
	}
	return NULL;
}

void srv_hub_disconnect(struct srv_hub *hub, const char *device)
{
	pthread_mutex_lock(&hub->lock);
	struct srv_member *m = find(hub, device, NULL);

	if (m) {
		m->closing = true;
		wake(m->wake_fd);
	}
	pthread_mutex_unlock(&hub->lock);
}

bool srv_hub_is_connected(struct srv_hub *hub, const char *device)
{
	pthread_mutex_lock(&hub->lock);
	bool found = find(hub, device, NULL) != NULL;

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

int srv_hub_join(struct srv_hub *hub, struct srv_member *member)
{
	member->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (member->wake_fd < 0)
		return -errno;
	pthread_mutex_lock(&hub->lock);
	struct srv_member *before = find(hub, member->device, NULL);

	if (before) {
		before->closing = true;
		wake(before->wake_fd);
	}
	member->closing = hub->stopping;
	member->next = hub->members;
	hub->members = member;
	hub->member_count++;
	pthread_mutex_unlock(&hub->lock);
	return 0;
}

bool srv_hub_leave(struct srv_hub *hub, struct srv_member *member)
{
	pthread_mutex_lock(&hub->lock);
	struct srv_member **at = &hub->members;

	while (*at != member)
		at = &(*at)->next;
	*at = member->next;
	hub->member_count--;
	bool last = find(hub, member->device, NULL) == NULL;

	pthread_cond_signal(&hub->left);
	pthread_mutex_unlock(&hub->lock);
	close(member->wake_fd);
	member->wake_fd = -1;
	return last;
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

void srv_hub_head(struct srv_hub *hub, const struct srv_member *member, struct srv_head *out)
{
	pthread_mutex_lock(&hub->lock);
	const struct srv_head *head = find_head(hub, member->group);

	*out = head ? *head : (struct srv_head){0};
	pthread_mutex_unlock(&hub->lock);
}

const char *srv_hub_instance(const struct srv_hub *hub)
{
	return hub->instance;
}
