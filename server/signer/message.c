#include "server/signer/message.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "common/fd.h"
#include "common/rd.h"

static int send_all(int sock, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t w = send(sock, p, n, MSG_NOSIGNAL);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

int srv_sign_send(int sock, const struct buf *fields)
{
	cleanup_buf struct buf head = {0};
	int r = buf_put_u32le(&head, SRV_SIGN_MAGIC);

	if (r == 0)
		r = buf_put_u32le(&head, (uint32_t)fields->len);
	if (r == 0)
		r = send_all(sock, head.data, head.len);
	return r < 0 ? r : send_all(sock, fields->data, fields->len);
}

static int receive_all(int sock, uint8_t *p, size_t n)
{
	int r = fd_read_all(sock, p, n);

	return r == -EAGAIN ? -ETIMEDOUT : r;
}

int srv_sign_receive(int sock, struct buf *ret_fields)
{
	uint8_t head[8];
	int r = receive_all(sock, head, sizeof(head));

	if (r < 0)
		return r;
	struct rd rd = rd_of(head, sizeof(head));
	uint32_t magic = rd_u32le(&rd), n = rd_u32le(&rd);

	if (magic != SRV_SIGN_MAGIC || n == 0 || n > SRV_SIGN_BYTES_MAX)
		return -EPROTO;
	struct buf fields = {.data = malloc(n), .cap = n};

	if (!fields.data)
		return -ENOMEM;
	r = receive_all(sock, fields.data, n);
	fields.len = n;
	if (r < 0)
		buf_release(&fields);
	else
		*ret_fields = fields;
	return r;
}

static int put_text(struct buf *out, const char *text)
{
	int r = buf_put_u16le(out, (uint16_t)strlen(text));

	return r < 0 ? r : buf_put(out, text, strlen(text));
}

static int put_body(struct buf *out, const void *bytes, size_t n)
{
	int r = buf_put_u32le(out, (uint32_t)n);

	return r < 0 ? r : buf_put(out, bytes, n);
}

/* A text of at most cap - 1 bytes without NUL, terminated. */
static void get_text(struct rd *rd, char *out, size_t cap)
{
	uint16_t n = rd_u16le(rd);
	const uint8_t *p = rd_bytes(rd, n);

	if (!p || n >= cap || memchr(p, '\0', n)) {
		rd->bad = true;
		return;
	}
	memcpy(out, p, n);
	out[n] = '\0';
}

int srv_sign_put_question(struct buf *out, enum srv_sign_kind kind,
			  const struct srv_sign_request *request)
{
	int r = buf_put_u8(out, (uint8_t)kind);

	if (r < 0 || kind != SRV_SIGN_POLICY)
		return r;
	if (strlen(request->policy_id) >= SRV_SIGN_NAME_MAX ||
	    strlen(request->group) >= SRV_SIGN_NAME_MAX)
		return -EINVAL;
	const uint64_t numbers[] = {request->serial, request->issued_s, request->expires_s};

	for (size_t i = 0; r == 0 && i < 3; i++)
		r = buf_put_u64le(out, numbers[i]);
	if (r == 0)
		r = put_text(out, request->policy_id);
	if (r == 0)
		r = put_text(out, request->group);
	return r < 0 ? r : put_body(out, request->document, request->document_bytes);
}

int srv_sign_parse_question(const struct buf *fields, struct srv_sign_question *out)
{
	struct rd rd = rd_of(fields->data, fields->len);

	memset(out, 0, sizeof(*out));
	uint8_t kind = rd_u8(&rd);

	if (kind != SRV_SIGN_POLICY && kind != SRV_SIGN_KEY)
		return -EPROTO;
	out->kind = kind;
	if (kind == SRV_SIGN_POLICY) {
		struct srv_sign_request *q = &out->request;

		q->serial = rd_u64le(&rd);
		q->issued_s = rd_u64le(&rd);
		q->expires_s = rd_u64le(&rd);
		get_text(&rd, out->policy_id, sizeof(out->policy_id));
		get_text(&rd, out->group, sizeof(out->group));
		q->document_bytes = rd_u32le(&rd);
		q->document = rd_bytes(&rd, q->document_bytes);
		q->policy_id = out->policy_id;
		q->group = out->group;
	}
	return rd.bad || rd_left(&rd) ? -EPROTO : 0;
}

int srv_sign_put_answer(struct buf *out, const struct srv_sign_answer *answer)
{
	int r = buf_put_u32le(out, (uint32_t)-answer->code);

	if (r == 0)
		r = buf_put_u64le(out, answer->last_serial);
	if (r == 0)
		r = put_text(out, answer->text);
	return r < 0 ? r : put_body(out, answer->body, answer->body_bytes);
}

int srv_sign_parse_answer(const struct buf *fields, struct srv_sign_answer *out)
{
	struct rd rd = rd_of(fields->data, fields->len);

	memset(out, 0, sizeof(*out));
	uint32_t code = rd_u32le(&rd);

	out->code = code < 4096 ? -(int)code : -EPROTO;
	out->last_serial = rd_u64le(&rd);
	get_text(&rd, out->text, sizeof(out->text));
	out->body_bytes = rd_u32le(&rd);
	out->body = rd_bytes(&rd, out->body_bytes);
	return rd.bad || rd_left(&rd) || code >= 4096 ? -EPROTO : 0;
}
