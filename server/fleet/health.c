/* Health: how a device says that it is. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "server/fleet/session.h"
#include "server/store/devices.h"

enum {
	VERSION_BYTES = 64,
	REASON_BYTES = 512,
	TELL_EVERY_S = 3600
};

static bool is_well_formed(const Ampoule__Health *h)
{
	return strlen(h->link_version) <= VERSION_BYTES && strlen(h->microvisor) <= VERSION_BYTES &&
	       strlen(h->kernel) <= VERSION_BYTES && strlen(h->isolation_reason) <= REASON_BYTES &&
	       h->images <= INT32_MAX && h->images_ready <= h->images &&
	       h->templates <= INT32_MAX && h->templates_ready <= h->templates &&
	       h->running <= INT32_MAX && h->backlog <= INT64_MAX &&
	       h->backlog_since_ns <= INT64_MAX && h->wall_clock_ns <= INT64_MAX;
}

static int64_t skew_ms(const Ampoule__Health *h)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)(h->wall_clock_ns / 1000000) -
	       ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

static int store(struct srv_conn *conn, const char *device, const Ampoule__Health *h,
		 struct err *err)
{
	return srv_query(
		conn, NULL, err,
		"INSERT INTO device_health VALUES ($1, now(), $2, $3, $4, $5, $6, $7::int8, "
		"$8::int8, $9::int8, $10::int8, $11::int8, $12::int8, CASE WHEN $13::int8 > 0 THEN "
		"to_timestamp($13::int8 / 1000000000) END) ON CONFLICT (device) DO UPDATE SET "
		"reported_at = now(), clock_skew_ms = $2, link_version = $3, microvisor = $4, "
		"kernel = $5, isolation_reason = $6, images = $7::int8, images_ready = $8::int8, "
		"templates = $9::int8, templates_ready = $10::int8, running = $11::int8, "
		"backlog = $12::int8, backlog_since = excluded.backlog_since",
		SRV_TEXT(device), SRV_INT(skew_ms(h)), SRV_TEXT(h->link_version),
		SRV_TEXT(h->microvisor), SRV_TEXT(h->kernel),
		SRV_TEXT(h->isolation ? "" : h->isolation_reason), SRV_INT(h->images),
		SRV_INT(h->images_ready), SRV_INT(h->templates), SRV_INT(h->templates_ready),
		SRV_INT(h->running), SRV_INT(h->backlog), SRV_INT(h->backlog_since_ns));
}

static int store_isolation(struct srv_conn *conn, const char *device, const Ampoule__Health *h,
			   struct err *err)
{
	int r = srv_query(conn, NULL, err,
			  "UPDATE devices SET isolation = $2::boolean WHERE id = $1 AND isolation "
			  "<> $2::boolean",
			  SRV_TEXT(device), SRV_BOOL(h->isolation));

	if (r < 0 || h->isolation)
		return r;
	return srv_devices_tell(conn, device, "isolation-unavailable", "high", TELL_EVERY_S, err);
}

int srv_on_health(struct srv_session *s, Ampoule__Frame *frame)
{
	const Ampoule__Health *h = frame->health;
	struct err err = {0};

	if (!is_well_formed(h))
		return srv_session_end(s, "bad-request", "a field of Health is malformed");
	struct srv_conn *conn = srv_db_get(s->services->context.db, &err);
	int r = conn ? srv_begin(conn, &err) : -ENOTCONN;

	if (r == 0)
		r = store(conn, s->peer.device, h, &err);
	if (r == 0)
		r = store_isolation(conn, s->peer.device, h, &err);
	if (r == 0)
		r = srv_commit(conn, &err);
	srv_db_put(s->services->context.db, conn);
	return r < 0 ? srv_session_unavailable(s, &err) : 0;
}
