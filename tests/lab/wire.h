/* The lab's command channel: what lab-exec on the host and labd in the guest say to each other over one
 * TCP connection per command.
 *
 * A frame is {u32 type, u32 payload bytes, payload}, little endian. The client sends EXEC first; its
 * payload is a list of {u32 bytes, bytes}: token, flags (letters of "it"), user or nothing, working
 * folder, number of arguments in decimal, the arguments, then NAME=value for the environment.
 * The answer is any number of STDOUT and STDERR, then one EXIT. A connection that closes
 * earlier kills the command's process group. */
#ifndef TESTS_LAB_WIRE_H
#define TESTS_LAB_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

enum lab_frame {
	LAB_EXEC = 1,
	LAB_STDIN,  /* client: bytes; an empty one is the end of input */
	LAB_STDOUT, /* labd */
	LAB_STDERR, /* labd */
	LAB_EXIT,   /* labd: u32 exit status as a shell gives it */
	LAB_PULSE   /* client: nothing; only its interrupt is wanted, see lab-exec.c */
};

enum {
	LAB_PORT = 7007,
	LAB_HEADER_BYTES = 8,
	LAB_PAYLOAD_MAX = 1 << 20,
	LAB_CHUNK_BYTES = 64 << 10,
	LAB_TOKEN_MAX = 128
};

/* Sends one frame. 0 or -errno. */
int lab_send(int sock, uint32_t type, const void *payload, size_t n);
/* Receives one frame into an empty buffer. 0, -EPIPE at the end, -EBADMSG for a length above
 * LAB_PAYLOAD_MAX, else -errno. */
int lab_recv(int sock, uint32_t *ret_type, struct buf *payload) must_check;
/* Appends {u32 bytes, bytes}. -ENOMEM. */
int lab_put_text(struct buf *b, const char *text) must_check;
/* The token's file as text, without its newline. 0 or -errno. */
int lab_read_token(const char *path, char ret_token[LAB_TOKEN_MAX]) must_check;

#endif
