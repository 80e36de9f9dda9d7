/* The connections to the host: vsock streams to CID 2, and control frames over the first of them. */
#ifndef INIT_HOST_H
#define INIT_HOST_H

#include <stdint.h>

#include "golden-image/message/fault.h"
#include "golden-image/message/frame.h"

/* A connected stream to the port of enum mv_port, O_CLOEXEC, blocking; or -errno. */
int host_connect(unsigned port) __attribute__((warn_unused_result));
/* Sends the whole frame; blocks for credit. 0 or -errno. */
int host_send(int control, const uint8_t *frame, size_t n) __attribute__((warn_unused_result));
/* Waits for a whole frame. 0, -EPIPE when the host has gone, -EBADMSG, -errno. */
int host_receive(int control, struct frame_reader *reader, struct frame *out)
	__attribute__((warn_unused_result));
/* Ends the machine: nothing in the guest can go on. Tells the host why when control is connected
 * (-1: it is not), and the kernel's log in any case. */
void host_give_up(int control, const struct fault *fault) __attribute__((noreturn));
/* Waits until the host has ended the connection or the machine, then powers off. */
void host_farewell(int control) __attribute__((noreturn));

#endif
