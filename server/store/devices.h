/* Rows of the view device_overview: what an admin sees of a device. As store/tokens.h. */
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
	SRV_DEVICE_FAILED_AT
};

/* NULL means any, but for scope (store/scope.h). id: exactly this device; after: those behind it. */
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

#endif
