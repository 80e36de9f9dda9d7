#include "agent/link/enroll.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/link/channel.h"
#include "agent/link/host.h"
#include "agent/link/key.h"
#include "common/log.h"
#include "proto/frame.h"

enum {
	ANSWER_S = 30
};

static int send_request(struct agent_channel *channel, const struct agent_link_config *config,
			struct err *err)
{
	cleanup_buf struct buf csr = {0};
	char hostname[AGENT_HOSTNAME_MAX];
	char machine_id[AGENT_MACHINE_ID_MAX];
	uint8_t secret[sizeof(config->secret)];
	Ampoule__EnrollRequest request;
	Ampoule__Frame frame;
	int r = agent_key_request(&csr, err);

	if (r < 0)
		return r;
	agent_host_name(hostname);
	agent_host_machine_id(machine_id);
	memcpy(secret, config->secret, sizeof(secret));
	ampoule__enroll_request__init(&request);
	ampoule__frame__init(&frame);
	request.token_secret.data = secret;
	request.token_secret.len = sizeof(secret);
	request.csr_der.data = csr.data;
	request.csr_der.len = csr.len;
	request.hostname = hostname;
	request.machine_id = machine_id;
	frame.kind_case = AMPOULE__FRAME__KIND_ENROLL_REQUEST;
	frame.enroll_request = &request;
	r = agent_channel_send(channel, &frame);
	explicit_bzero(secret, sizeof(secret));
	if (r < 0)
		return err_set(err, r, "cannot send the request: %s", strerror(-r));
	return 0;
}

/* One frame within the limit; free with wire_free(). */
static int receive(struct agent_channel *channel, Ampoule__Frame **ret_frame, struct err *err)
{
	time_t end = time(NULL) + ANSWER_S;

	for (;;) {
		struct pollfd p = {.fd = agent_tls_fd(channel->tls), .events = POLLIN};
		int r = agent_channel_next(channel, ret_frame);

		if (r == 1)
			return 0;
		if (r == 0)
			r = agent_channel_fill(channel);
		if (r < 0)
			return err_set(err, r, "the server broke the connection off: %s",
				       strerror(-r));
		if (channel->in.len)
			continue;
		if (time(NULL) >= end)
			return err_set(err, -ETIMEDOUT, "the server did not answer in time");
		(void)poll(&p, 1, 1000); /* whatever it says, the next read tells */
	}
}

static int take_reply(const Ampoule__EnrollReply *reply, struct agent_link_up *up, struct err *err)
{
	if (!reply->device_id[0] ||
	    snprintf(up->device_id, sizeof(up->device_id), "%s", reply->device_id) >=
		    (int)sizeof(up->device_id) ||
	    snprintf(up->group, sizeof(up->group), "%s", reply->group) >= (int)sizeof(up->group))
		return err_set(err, -EBADMSG, "the server's answer makes no sense");
	return agent_key_store_certificate(reply->certificate_der.data, reply->certificate_der.len,
					   err);
}

int agent_link_enroll(const struct agent_link_config *config, struct agent_link_up *ret_up,
		      struct err *err)
{
	cleanup_(agent_channel_close) struct agent_channel channel = {0};
	const struct agent_tls_config tls = {
		.server = config->server, .ca = config->ca, .alpn = AGENT_ALPN_ENROLL};
	struct agent_link_up up = {.type = AGENT_LINK_ENROLLED};
	Ampoule__Frame *frame = NULL;
	char text[160];
	int r = agent_key_make(err);

	if (r == 0)
		r = agent_channel_open(&channel, &tls, err);
	if (r == 0)
		r = send_request(&channel, config, err);
	if (r == 0)
		r = receive(&channel, &frame, err);
	if (r < 0)
		return r;
	if (frame->kind_case == AMPOULE__FRAME__KIND_ENROLL_REPLY)
		r = take_reply(frame->enroll_reply, &up, err);
	else if (frame->kind_case == AMPOULE__FRAME__KIND_REFUSAL)
		r = err_set(err, -EACCES, "the server refused: %s",
			    log_quote(text, sizeof(text), frame->refusal->text,
				      strlen(frame->refusal->text)));
	else
		r = err_set(err, -EPROTO, "the server's answer makes no sense");
	wire_free(&frame->base);
	if (r == 0)
		*ret_up = up;
	return r;
}
