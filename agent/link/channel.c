#include "agent/link/channel.h"

#include <errno.h>

#include "proto/frame.h"

enum {
	READ_BYTES = 64 << 10,
	BUFFERED_MAX = WIRE_FRAME_BYTES_MAX + 4 + READ_BYTES
};

int agent_channel_open(struct agent_channel *channel, const struct agent_tls_config *config,
		       struct err *err)
{
	channel->tls = agent_tls_connect(config, err);
	return channel->tls ? 0 : err->code;
}

void agent_channel_close(struct agent_channel *channel)
{
	agent_tls_free(channel->tls);
	channel->tls = NULL;
	buf_release(&channel->in);
}

int agent_channel_send(struct agent_channel *channel, const Ampoule__Frame *frame)
{
	cleanup_buf struct buf out = {0};
	int r = wire_put_frame(&out, &frame->base);

	return r < 0 ? r : agent_tls_write(channel->tls, out.data, out.len);
}

int agent_channel_fill(struct agent_channel *channel)
{
	uint8_t bytes[READ_BYTES];
	size_t before = channel->in.len;

	/* poll(2) does not see what OpenSSL has read already: read until it has nothing, or say so. */
	while (channel->in.len < BUFFERED_MAX) {
		ssize_t n = agent_tls_read(channel->tls, bytes, sizeof(bytes));

		if (n == -EAGAIN)
			return 0;
		if (n < 0) /* what came before the end is handled before the end */
			return channel->in.len > before ? 0 : (int)n;
		int r = buf_put(&channel->in, bytes, (size_t)n);

		if (r < 0)
			return r;
	}
	return 1;
}

int agent_channel_next(struct agent_channel *channel, Ampoule__Frame **ret_frame)
{
	const uint8_t *body;
	size_t n = 0;
	size_t used = 0;
	ProtobufCMessage *message = NULL;
	int r = wire_next_frame(&channel->in, &body, &n, &used);

	if (r <= 0)
		return r;
	r = wire_unpack(&ampoule__frame__descriptor, body, n, &message);
	buf_consume(&channel->in, used);
	if (r < 0)
		return r;
	*ret_frame = (Ampoule__Frame *)message;
	return 1;
}
