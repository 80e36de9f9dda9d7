#include "microvisor/vm/ports.h"

#include <stddef.h>
#include <string.h>

#include "microvisor/layout.h"

enum kind {
	SERIAL,
	QUIET, /* reads as the fill byte, writes are ignored */
	KEYBOARD,
	RESET_CF9 /* bit 2 resets */
};

/* What Linux touches on a hardware-reduced machine without being malicious. */
static const struct {
	uint16_t first;
	uint16_t last;
	uint8_t kind;
	uint8_t fill;
} PORTS[] = {
	{MV_SERIAL_PORT, MV_SERIAL_PORT + 7, SERIAL, 0},
	{0x60, 0x60, QUIET, 0},
	{MV_IO_KEYBOARD, MV_IO_KEYBOARD, KEYBOARD, 0}, /* status: nothing to read, ready to take */
	{0x70, 0x71, QUIET, 0}, /* CMOS clock: all ones would mean "update in progress" for ever */
	{0x80, 0x80, QUIET, 0xff}, /* written to pass time */
	{0xed, 0xed, QUIET, 0xff}, /* the same */
	{0xcf9, 0xcf9, RESET_CF9, 0},
};

enum {
	CF9_RESET = 1 << 2
};

static int find(uint16_t port)
{
	for (size_t i = 0; i < sizeof(PORTS) / sizeof(PORTS[0]); i++) {
		if (port >= PORTS[i].first && port <= PORTS[i].last)
			return (int)i;
	}
	return -1;
}

enum mv_io mv_ports_in(struct mv_serial *serial, uint16_t port, uint8_t *bytes, unsigned n)
{
	int i = find(port);

	if (i < 0) {
		memset(bytes, 0xff, n);
		return MV_IO_UNKNOWN;
	}
	memset(bytes, PORTS[i].fill, n);
	if (PORTS[i].kind == SERIAL && n == 1)
		bytes[0] = mv_serial_in(serial, port - MV_SERIAL_PORT);
	return MV_IO_DONE;
}

enum mv_io mv_ports_out(struct mv_serial *serial, uint16_t port, const uint8_t *bytes, unsigned n)
{
	int i = find(port);

	if (i < 0)
		return MV_IO_UNKNOWN;
	if (PORTS[i].kind == SERIAL && n == 1)
		mv_serial_out(serial, port - MV_SERIAL_PORT, bytes[0]);
	if (PORTS[i].kind == KEYBOARD && bytes[0] == MV_IO_KEYBOARD_RESET)
		return MV_IO_RESET;
	if (PORTS[i].kind == RESET_CF9 && (bytes[0] & CF9_RESET))
		return MV_IO_RESET;
	return MV_IO_DONE;
}
