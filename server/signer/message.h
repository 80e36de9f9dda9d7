/* What passes over ampoule-signer's socket: {u32 magic, u32 bytes that follow, fields}, little endian, one
 * question and one answer per connection. Both sides parse the other as foreign. Any thread. */
#ifndef SERVER_SIGNER_MESSAGE_H
#define SERVER_SIGNER_MESSAGE_H

#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "server/signer/client.h"

enum {
	SRV_SIGN_MAGIC = 0x31475341, /* "ASG1" */
	SRV_SIGN_BYTES_MAX = 2 << 20,
	SRV_SIGN_NAME_MAX = 64
};

enum srv_sign_kind {
	SRV_SIGN_POLICY = 1,
	SRV_SIGN_KEY = 2 /* the public key, 32 bytes */
};

struct srv_sign_question {
	enum srv_sign_kind kind;
	char policy_id[SRV_SIGN_NAME_MAX];
	char group[SRV_SIGN_NAME_MAX];
	struct srv_sign_request
		request; /* its strings point into this struct, document into the bytes */
};

struct srv_sign_answer {
	int code; /* 0 or a negative errno */
	uint64_t last_serial;
	char text[512]; /* why, when refused */
	const uint8_t *body;
	size_t body_bytes;
};

/* Sends or receives one message's fields; the socket must have its time limits set. -EPROTO for a wrong
 * magic or length, -EPIPE at an early end, -ETIMEDOUT, else -errno. */
int srv_sign_send(int sock, const struct buf *fields) must_check;
int srv_sign_receive(int sock, struct buf *ret_fields) must_check;

int srv_sign_put_question(struct buf *out, enum srv_sign_kind kind,
			  const struct srv_sign_request *request) must_check;
int srv_sign_put_answer(struct buf *out, const struct srv_sign_answer *answer) must_check;
/* -EPROTO for anything that is not exactly a question or answer. What they point at is borrowed from
 * fields. */
int srv_sign_parse_question(const struct buf *fields, struct srv_sign_question *out) must_check;
int srv_sign_parse_answer(const struct buf *fields, struct srv_sign_answer *out) must_check;

#endif
