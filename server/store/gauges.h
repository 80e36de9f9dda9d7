/* The installation in figures, for /metrics. As store/tokens.h. */
#ifndef SERVER_STORE_GAUGES_H
#define SERVER_STORE_GAUGES_H

#include "common/cleanup.h"
#include "common/err.h"
#include "server/db.h"

enum srv_gauge_column {
	SRV_GAUGE_NAME,
	SRV_GAUGE_LABELS, /* "{state=\"offline\"}", or "" */
	SRV_GAUGE_VALUE,
	SRV_GAUGE_HELP
};
/* Every figure; those of one name follow each other. A device is silent that was not heard for silent_s. */
int srv_gauges_list(struct srv_conn *conn, int64_t silent_s, struct srv_rows **ret_rows,
		    struct err *err) must_check;

#endif
