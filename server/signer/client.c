#include "server/signer/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "server/signer/message.h"

static int connect_to(const char *path)
{
	const struct timeval limit = {.tv_sec = SRV_SIGN_TIMEOUT_MS / 1000};
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >=
	    (int)sizeof(address.sun_path))
		return -ENAMETOOLONG;
	cleanup_fd int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return -errno;
	if (setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;
	if (connect(sock, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(sock);
}

static int ask(const char *path, const struct buf *question, struct buf *ret_fields,
	       struct srv_sign_answer *answer, struct err *err)
{
	cleanup_fd int sock = connect_to(path);

	if (sock < 0)
		return err_set(err, sock, "ampoule-signer cannot be reached at '%s': %s", path,
			       strerror(-sock));
	int r = srv_sign_send(sock, question);

	if (r == 0)
		r = srv_sign_receive(sock, ret_fields);
	if (r == 0)
		r = srv_sign_parse_answer(ret_fields, answer);
	if (r < 0)
		return err_set(err, r, "ampoule-signer at '%s' does not answer: %s", path,
			       strerror(-r));
	if (answer->code < 0)
		return err_set(err, answer->code, "ampoule-signer refuses: %s", answer->text);
	return 0;
}

int srv_sign_policy(const char *socket_path, const struct srv_sign_request *request,
		    struct buf *envelope, uint64_t *ret_last_serial, struct err *err)
{
	cleanup_buf struct buf question = {0}, fields = {0};
	struct srv_sign_answer answer = {0};
	int r = srv_sign_put_question(&question, SRV_SIGN_POLICY, request);

	if (r < 0)
		return err_set(err, r, "the policy cannot be sent to ampoule-signer");
	r = ask(socket_path, &question, &fields, &answer, err);
	if (r == 0 || r == -ESTALE)
		*ret_last_serial = answer.last_serial;
	return r < 0 ? r : buf_put(envelope, answer.body, answer.body_bytes);
}

int srv_signer_key(const char *socket_path, uint8_t ret_key[SIGN_KEY_BYTES], struct err *err)
{
	cleanup_buf struct buf question = {0}, fields = {0};
	struct srv_sign_answer answer = {0};
	int r = srv_sign_put_question(&question, SRV_SIGN_KEY, NULL);

	if (r == 0)
		r = ask(socket_path, &question, &fields, &answer, err);
	if (r < 0)
		return r;
	if (answer.body_bytes != SIGN_KEY_BYTES)
		return err_set(err, -EPROTO, "ampoule-signer does not answer with a key");
	memcpy(ret_key, answer.body, SIGN_KEY_BYTES);
	return 0;
}
