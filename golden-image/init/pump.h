/* One direction of the task's stdio: bytes from one non-blocking descriptor to another.
 *
 * The task gets pipes, not the vsock streams themselves: a program that opens /dev/stdout finds a pipe
 * there, where a socket would give ENXIO. A pump holds one buffer and reads only when it is empty, so
 * the host's credit holds back the task. */
#ifndef INIT_PUMP_H
#define INIT_PUMP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PUMP_BYTES = 32 << 10
};

struct pump {
	int from; /* owned; -1 at its end */
	int to;   /* owned; -1 when nobody takes the bytes any more */
	size_t at;
	size_t have;
	uint8_t bytes[PUMP_BYTES];
};

/* Takes both descriptors and makes them non-blocking. to may be -1: then from is closed at once, and
 * who writes there gets EPIPE. */
void pump_start(struct pump *pump, int from, int to);
/* What to poll for: out[0] is for from, out[1] for to. A finished pump polls nothing. */
void pump_poll(const struct pump *pump, struct pollfd out[2]);
/* Moves what poll found. Closes to at the end of from, and from when to is gone. */
void pump_move(struct pump *pump, const struct pollfd in[2]);
bool pump_is_done(const struct pump *pump);

#endif
