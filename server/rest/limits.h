/* How many requests a caller may make: counted by route and caller in windows of a minute, in one instance's
 * memory, in a table that does not grow. Any thread. */
#ifndef SERVER_REST_LIMITS_H
#define SERVER_REST_LIMITS_H

#include <stddef.h>
#include <stdint.h>

struct srv_limits;

/* NULL when out of memory. */
struct srv_limits *srv_limits_new(void);
void srv_limits_free(struct srv_limits *limits);
/* Counts one request of the caller named by the key (any text); 0, or the seconds until it may come again. */
unsigned srv_limits_take(struct srv_limits *limits, size_t route, const char *key,
			 unsigned per_minute, uint64_t now_ms);

#endif
