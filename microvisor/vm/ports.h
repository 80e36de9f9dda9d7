/* The port I/O of a PC that a kernel insists on, each with what we answer; everything else is unknown. */
#ifndef MV_VM_PORTS_H
#define MV_VM_PORTS_H

#include <stdint.h>

#include "microvisor/vm/serial.h"

enum {
	MV_IO_KEYBOARD = 0x64,      /* the 8042's command port */
	MV_IO_KEYBOARD_RESET = 0xfe /* pulse the reset line */
};

enum mv_io {
	MV_IO_DONE,
	MV_IO_UNKNOWN, /* not one of ours: reads as all ones, writes are ignored */
	MV_IO_RESET    /* the guest asked for a reset of the machine */
};

/* One access of n bytes (1, 2 or 4). bytes is filled for a read. */
enum mv_io mv_ports_in(struct mv_serial *serial, uint16_t port, uint8_t *bytes, unsigned n);
enum mv_io mv_ports_out(struct mv_serial *serial, uint16_t port, const uint8_t *bytes, unsigned n);

#endif
