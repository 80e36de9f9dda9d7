#include "server/fleet/wire.h"

#include <errno.h>
#include <stdio.h>

#include "proto/frame.h"

enum {
	READ_BYTES = 16 << 10 /* one TLS record */
};

void srv_wire_release(struct srv_wire *wire)
{
	buf_release(&wire->in);
	buf_release(&wire->out);
}

int srv_wire_next(struct srv_wire *wire, Ampoule__Frame **ret_frame)
{
	const uint8_t *body;
	size_t n, used;
	ProtobufCMessage *message = NULL;

	int r = wire_next_frame(&wire->in, &body, &n, &used);

	if (r <= 0)
		return r;
	r = wire_unpack(&ampoule__frame__descriptor, body, n, &message);
	buf_consume(&wire->in, used);
	if (wire->in.len == 0) /* an idle connection holds nothing */
		buf_release(&wire->in);
	if (r < 0)
		return r;
	*ret_frame = (Ampoule__Frame *)message;
	return 1;
}

bool srv_wire_is_next(const struct srv_wire *wire, unsigned field)
{
	enum {
		LENGTH_DELIMITED = 2 /* protobuf's wire type of a message */
	};
	const uint8_t *body;
	size_t n, used;

	return wire_next_frame(&wire->in, &body, &n, &used) == 1 &&
	       body[0] == (field << 3 | LENGTH_DELIMITED);
}

int srv_wire_fill(struct srv_wire *wire)
{
	uint8_t bytes[READ_BYTES];
	ssize_t n = srv_tls_read(wire->tls, bytes, sizeof(bytes));

	if (n == -EAGAIN)
		return 0;
	if (n == 0)
		return -EPIPE;
	int r = n < 0 ? (int)n : buf_put(&wire->in, bytes, (size_t)n);

	return r < 0 ? r : 1;
}

/* What of the bytes the socket takes now. */
static ssize_t write_some(struct srv_wire *wire, const uint8_t *bytes, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t w = srv_tls_write(wire->tls, bytes + done, n - done);

		if (w == -EAGAIN)
			break;
		if (w < 0)
			return w;
		done += (size_t)w;
	}
	return (ssize_t)done;
}

int srv_wire_send_packed(struct srv_wire *wire, const struct buf *packed)
{
	ssize_t n = wire->out.len ? 0 : write_some(wire, packed->data, packed->len);

	if (n < 0)
		return (int)n;
	return (size_t)n == packed->len
		       ? 0
		       : buf_put(&wire->out, packed->data + n, packed->len - (size_t)n);
}

int srv_wire_send(struct srv_wire *wire, const Ampoule__Frame *frame)
{
	cleanup_buf struct buf out = {0};
	int r = wire_put_frame(&out, &frame->base);

	return r < 0 ? r : srv_wire_send_packed(wire, &out);
}

int srv_wire_flush(struct srv_wire *wire)
{
	ssize_t n = write_some(wire, wire->out.data, wire->out.len);

	if (n < 0)
		return (int)n;
	buf_consume(&wire->out, (size_t)n);
	if (wire->out.len == 0)
		buf_release(&wire->out);
	return 0;
}

bool srv_wire_is_full(const struct srv_wire *wire)
{
	return wire->out.len > 0;
}

int srv_wire_refuse(struct srv_wire *wire, const char *code, const char *text)
{
	Ampoule__Refusal refusal;
	Ampoule__Frame frame;
	char code_copy[64], text_copy[512];

	ampoule__refusal__init(&refusal);
	ampoule__frame__init(&frame);
	(void)snprintf(code_copy, sizeof(code_copy), "%s", code);
	(void)snprintf(text_copy, sizeof(text_copy), "%s", text);
	refusal.code = code_copy;
	refusal.text = text_copy;
	frame.kind_case = AMPOULE__FRAME__KIND_REFUSAL;
	frame.refusal = &refusal;
	return srv_wire_send(wire, &frame);
}
