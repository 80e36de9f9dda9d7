/* The guest's console: enough of an 8250 for a kernel to print on, into the microvm's log.
 *
 * Diagnostics only, and hostile: lines are cut, quoted, counted and rate limited. Output only; the
 * guest never reads a byte. vCPU thread. */
#ifndef MV_VM_SERIAL_H
#define MV_VM_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MV_SERIAL_LINE_MAX = 240,
	MV_SERIAL_BURST = 2000, /* lines at once: a verbose boot */
	MV_SERIAL_PER_SECOND = 20
};

/* Plain data; zero it, then set the functions. */
struct mv_serial {
	/* One finished line, quoted and terminated. */
	void (*line)(void *context, const char *text);
	void (*raise)(void *context); /* the transmitter is empty and the driver wants to know */
	uint64_t (*now_ns)(void *context); /* monotonic */
	void *context;
	char text[MV_SERIAL_LINE_MAX];
	size_t used;
	uint64_t allowance_ns; /* time saved up, at the price of a line each */
	uint64_t last_ns;
	uint64_t dropped;
	uint8_t registers[8];
};

void mv_serial_init(struct mv_serial *serial);
uint8_t mv_serial_in(const struct mv_serial *serial, unsigned offset);
void mv_serial_out(struct mv_serial *serial, unsigned offset, uint8_t value);

#endif
