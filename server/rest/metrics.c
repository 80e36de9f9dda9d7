#include "server/rest/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Labels have a bounded number of values whatever clients send: rows of the table, classes of statuses, codes of
 * problems. */

enum {
	CLASSES = 6 /* by status / 100; 0 is not used */
};

static const unsigned bounds_ms[] = {5, 10, 25, 50, 100, 200, 500, 1000, 5000};
enum {
	BOUNDS = sizeof(bounds_ms) / sizeof(bounds_ms[0])
};

struct srv_metrics {
	atomic_uint_fast64_t buckets[BOUNDS + 1]; /* the last one: longer */
	atomic_uint_fast64_t took_ms;
	atomic_uint_fast64_t problems[SRV_PROBLEMS];
	size_t routes;
	atomic_uint_fast64_t answers[][CLASSES]; /* one more than routes: what is none */
};

struct srv_metrics *srv_metrics_new(size_t routes)
{
	struct srv_metrics *m = calloc(1, sizeof(*m) + (routes + 1) * sizeof(m->answers[0]));

	if (m)
		m->routes = routes;
	return m;
}

void srv_metrics_free(struct srv_metrics *m)
{
	free(m);
}

void srv_metrics_count(struct srv_metrics *m, const struct srv_api *api,
		       const struct srv_route *route, int status, const char *problem,
		       uint64_t took_ms)
{
	size_t row = route ? (size_t)(route - api->routes) : m->routes;
	size_t i = 0;

	if (status < 100 || status > 599)
		return; /* broken off before an answer */
	m->answers[row][status / 100]++;
	while (i < BOUNDS && took_ms > bounds_ms[i])
		i++;
	m->buckets[i]++;
	m->took_ms += took_ms;
	for (i = 0; problem && i < SRV_PROBLEMS; i++) {
		if (!strcmp(problem, srv_problem_code((enum srv_problem)i)))
			m->problems[i]++;
	}
}

static int put_answers(const struct srv_metrics *m, const struct srv_api *api, struct buf *out)
{
	int r = buf_printf(out,
			   "# HELP ampoule_http_answers Answers of the REST API, by row of the "
			   "route table.\n# TYPE ampoule_http_answers counter\n");

	for (size_t i = 0; i <= m->routes && r == 0; i++) {
		const struct srv_route *route = i < m->routes ? &api->routes[i] : NULL;

		for (int class = 1; class < CLASSES && r == 0; class ++) {
			uint64_t n = m->answers[i][class];

			if (n)
				r = buf_printf(
					out,
					"ampoule_http_answers_total{method=\"%s\",route=\"%s\","
					"class=\"%dxx\"} %" PRIu64 "\n",
					route ? route->method : "", route ? route->path : "none",
					class, n);
		}
	}
	return r;
}

static int put_durations(const struct srv_metrics *m, struct buf *out)
{
	static const char name[] = "ampoule_http_answer_seconds";
	uint64_t sum = 0;
	int r = buf_printf(out,
			   "# HELP %s From the head of a request to the end of its answer.\n"
			   "# TYPE %s histogram\n# UNIT %s seconds\n",
			   name, name, name);

	for (size_t i = 0; i < BOUNDS && r == 0; i++) {
		sum += m->buckets[i];
		r = buf_printf(out, "%s_bucket{le=\"%u.%03u\"} %" PRIu64 "\n", name,
			       bounds_ms[i] / 1000, bounds_ms[i] % 1000, sum);
	}
	sum += m->buckets[BOUNDS];
	uint64_t ms = m->took_ms;

	return r < 0 ? r
		     : buf_printf(out,
				  "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %" PRIu64 ".%03u\n"
				  "%s_count %" PRIu64 "\n",
				  name, sum, name, ms / 1000, (unsigned)(ms % 1000), name, sum);
}

int srv_metrics_put(const struct srv_metrics *m, const struct srv_api *api, struct buf *out)
{
	int r = put_answers(m, api, out);

	if (r == 0)
		r = put_durations(m, out);
	if (r == 0)
		r = buf_printf(out, "# HELP ampoule_problems Answers that were problems, by code "
				    "(docs/problems.md).\n# TYPE ampoule_problems counter\n");
	for (size_t i = 0; i < SRV_PROBLEMS && r == 0; i++) {
		uint64_t n = m->problems[i];

		if (n)
			r = buf_printf(out, "ampoule_problems_total{code=\"%s\"} %" PRIu64 "\n",
				       srv_problem_code((enum srv_problem)i), n);
	}
	return r;
}
