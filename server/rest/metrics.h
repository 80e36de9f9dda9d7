/* What the listener has answered, counted; and /metrics, which shows it with the state of the installation as
 * OpenMetrics 1.0 text. Counting is atomic and any thread's; counts are one instance's, since its start. */
#ifndef SERVER_REST_METRICS_H
#define SERVER_REST_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "server/rest/route.h"

struct srv_metrics;

/* Counters for so many routes. NULL when out of memory. */
struct srv_metrics *srv_metrics_new(size_t routes);
void srv_metrics_free(struct srv_metrics *metrics);
/* Counts an answer. route NULL: a path that is none, or the console's. problem NULL: none. */
void srv_metrics_count(struct srv_metrics *metrics, const struct srv_api *api,
		       const struct srv_route *route, int status, const char *problem,
		       uint64_t took_ms);
/* The counters as text, without "# EOF". */
int srv_metrics_put(const struct srv_metrics *metrics, const struct srv_api *api,
		    struct buf *out) must_check;
/* GET /metrics. */
int srv_metrics_handle_get(struct srv_call *call, struct err *err);

#endif
