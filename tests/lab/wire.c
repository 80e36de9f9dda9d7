#include "tests/lab/wire.h"

#include <errno.h>
#include <string.h>

#include "common/fd.h"
#include "common/rd.h"

int lab_send(int sock, uint32_t type, const void *payload, size_t n)
{
	struct buf b cleanup_buf = {0};

	if (buf_put_u32le(&b, type) < 0 || buf_put_u32le(&b, (uint32_t)n) < 0 ||
	    (n && buf_put(&b, payload, n) < 0))
		return -ENOMEM;
	return fd_write_all(sock, b.data, b.len);
}

int lab_recv(int sock, uint32_t *ret_type, struct buf *payload)
{
	uint8_t header[LAB_HEADER_BYTES];
	uint8_t chunk[4096];
	int r = fd_read_all(sock, header, sizeof(header));

	if (r < 0)
		return r;
	struct rd rd = rd_of(header, sizeof(header));
	uint32_t type = rd_u32le(&rd);
	uint32_t left = rd_u32le(&rd);

	if (left > LAB_PAYLOAD_MAX)
		return -EBADMSG;
	while (left > 0) {
		size_t n = left < sizeof(chunk) ? left : sizeof(chunk);

		r = fd_read_all(sock, chunk, n);
		if (r < 0)
			return r;
		if (buf_put(payload, chunk, n) < 0)
			return -ENOMEM;
		left -= (uint32_t)n;
	}
	*ret_type = type;
	return 0;
}

int lab_put_text(struct buf *b, const char *text)
{
	size_t n = strlen(text);

	if (buf_put_u32le(b, (uint32_t)n) < 0)
		return -ENOMEM;
	return n ? buf_put(b, text, n) : 0;
}

int lab_read_token(const char *path, char ret_token[LAB_TOKEN_MAX])
{
	struct buf b cleanup_buf = {0};
	int r = buf_read_file(&b, path, LAB_TOKEN_MAX - 1);

	if (r < 0)
		return r;
	memcpy(ret_token, b.data, b.len);
	ret_token[b.len] = '\0';
	ret_token[strcspn(ret_token, "\n")] = '\0';
	return 0;
}
