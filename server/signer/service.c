#include "server/signer/service.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "common/log.h"
#include "server/signer/message.h"

int srv_signer_listen(const char *path, uid_t owner, gid_t group, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >=
	    (int)sizeof(address.sun_path))
		return err_set(err, -ENAMETOOLONG, "the socket's name '%s' is too long", path);
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		(void)unlink(path); /* bind tells when it is still there */
	cleanup_fd int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return err_set(err, -errno, "socket: %m");
	mode_t mask = umask(0117);
	int r = bind(sock, (const struct sockaddr *)&address, sizeof(address));

	(void)umask(mask);
	if (r < 0)
		return err_set(err, -errno, "cannot bind '%s': %m", path);
	if (lchown(path, owner, group) < 0 || listen(sock, 16) < 0)
		return err_set(err, -errno, "cannot listen on '%s': %m", path);
	return take_fd(sock);
}

static bool is_allowed(int sock, uid_t allowed_uid)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid() || peer.uid == allowed_uid)
		return true;
	log_warn("signer: refused, uid=%u may not ask", peer.uid);
	return false;
}

static void sign(struct srv_keeper *keeper, const struct srv_sign_request *request,
		 struct srv_sign_answer *answer, struct buf *envelope)
{
	struct err err = {0};

	answer->code = srv_keeper_sign(keeper, request, (uint64_t)time(NULL), envelope,
				       &answer->last_serial, &err);
	if (answer->code == 0) {
		answer->body = envelope->data;
		answer->body_bytes = envelope->len;
		log_info("signer: signed group=%s serial=%" PRIu64, request->group,
			 request->serial);
		return;
	}
	(void)snprintf(answer->text, sizeof(answer->text), "%s", err.text);
	char quoted[256];

	log_warn("signer: refused, reason=\"%s\"",
		 log_quote(quoted, sizeof(quoted), err.text, strlen(err.text)));
}

void srv_signer_answer(struct srv_keeper *keeper, int sock, uid_t allowed_uid)
{
	const struct timeval limit = {.tv_sec = SRV_SIGNER_PEER_MS / 1000};
	cleanup_buf struct buf fields = {0}, envelope = {0}, reply = {0};
	struct srv_sign_question question;
	struct srv_sign_answer answer = {0};

	if (!is_allowed(sock, allowed_uid) ||
	    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return;
	int r = srv_sign_receive(sock, &fields);

	if (r == 0)
		r = srv_sign_parse_question(&fields, &question);
	if (r < 0) {
		log_warn("signer: a peer asked nothing sensible, ignoring: %s", strerror(-r));
		return;
	}
	if (question.kind == SRV_SIGN_POLICY) {
		sign(keeper, &question.request, &answer, &envelope);
	} else {
		answer.body = srv_keeper_key(keeper);
		answer.body_bytes = SIGN_KEY_BYTES;
	}
	r = srv_sign_put_answer(&reply, &answer);
	if (r == 0)
		r = srv_sign_send(sock, &reply);
	if (r < 0)
		log_warn("signer: an answer did not arrive, ignoring: %s", strerror(-r));
}

int srv_signer_serve(struct srv_keeper *keeper, int listener, uid_t allowed_uid)
{
	for (;;) {
		cleanup_fd int sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (sock < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (sock < 0)
			return -errno;
		srv_signer_answer(keeper, sock, allowed_uid);
	}
}
