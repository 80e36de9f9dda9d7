/* A listening TCP socket from "host:port". Any thread. */
#ifndef SERVER_REST_LISTEN_H
#define SERVER_REST_LISTEN_H

#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"

/* Binds and listens on "host:port" or "[v6]:port"; an empty host means every address, port 0 any free
 * one. The descriptor, the caller's, non-blocking; -EINVAL for a bad address, else the errno of bind(2). */
int srv_listen_open(const char *address, struct err *err) must_check;
/* The port a listening socket is bound to, 0 when it is none. */
uint16_t srv_listen_port(int fd);

#endif
