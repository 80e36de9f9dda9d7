/* Devices: what an admin sees of one (the view device_overview), what he changes, and what the server tells of it
 * by itself. As store/tokens.h. */
#ifndef SERVER_STORE_DEVICES_H
#define SERVER_STORE_DEVICES_H

#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/db.h"

enum srv_device_column {
	SRV_DEVICE_ID,
	SRV_DEVICE_HOSTNAME,
	SRV_DEVICE_GROUP,
	SRV_DEVICE_STATE,
	SRV_DEVICE_LAST_SEEN,
	SRV_DEVICE_ISOLATION,
	SRV_DEVICE_VERSION,
	SRV_DEVICE_ENROLLED,
	SRV_DEVICE_CERTIFICATE_EXPIRES,
	SRV_DEVICE_DESIRED_SERIAL,
	SRV_DEVICE_DESIRED_DIGEST,
	SRV_DEVICE_RECEIVED_SERIAL,
	SRV_DEVICE_RECEIVED_DIGEST,
	SRV_DEVICE_RECEIVED_AT,
	SRV_DEVICE_APPLIED_SERIAL,
	SRV_DEVICE_APPLIED_DIGEST,
	SRV_DEVICE_APPLIED_AT,
	SRV_DEVICE_FAILED_SERIAL,
	SRV_DEVICE_FAILED_REASON,
	SRV_DEVICE_FAILED_AT,
	SRV_DEVICE_NAME,
	SRV_DEVICE_LABELS, /* text of an array */
	SRV_DEVICE_REPLACES,
	SRV_DEVICE_REPLACED_BY,
	SRV_DEVICE_REPORTED_AT, /* NULL: it never told how it is, and all that follows is NULL too */
	SRV_DEVICE_CLOCK_SKEW_MS,
	SRV_DEVICE_LINK_VERSION,
	SRV_DEVICE_MICROVISOR,
	SRV_DEVICE_KERNEL,
	SRV_DEVICE_ISOLATION_REASON,
	SRV_DEVICE_IMAGES,
	SRV_DEVICE_IMAGES_READY,
	SRV_DEVICE_TEMPLATES,
	SRV_DEVICE_TEMPLATES_READY,
	SRV_DEVICE_RUNNING,
	SRV_DEVICE_BACKLOG,
	SRV_DEVICE_BACKLOG_SINCE
};

/* NULL means any, but for scope (store/scope.h), and retired ones are shown only when asked for. id: exactly this device; after: those behind it. */
struct srv_device_filter {
	const char *scope;
	const char *id;
	const char *after;
	const char *group;
	const char *state;
	const char *token; /* the id of the enrolment token it joined with */
	int64_t limit;
};
/* By id. -EINVAL when an id is no UUID. */
int srv_devices_list(struct srv_conn *conn, const struct srv_device_filter *filter,
		     struct srv_rows **ret_rows, struct err *err) must_check;

/* Until the transaction ends nobody else changes it. -ENOENT: there is no such device in the scope. */
int srv_devices_lock(struct srv_conn *conn, const char *scope, const char *id,
		     struct err *err) must_check;

/* What an admin changes; NULL stays as it is. */
struct srv_device_change {
	const char *name;
	const char *labels; /* text of an array */
	const char *state;
};
/* One statement; its row is locked until the transaction ends. -ENOENT: no such device. */
int srv_devices_change(struct srv_conn *conn, const char *id,
		       const struct srv_device_change *change, struct err *err) must_check;

/* An event of the server's own about a device: class "fleet", the object in words ("silent"). It is told once while
 * another one like it is younger than quiet_s. */
int srv_devices_tell(struct srv_conn *conn, const char *id, const char *object,
		     const char *severity, int64_t quiet_s, struct err *err) must_check;

#endif
