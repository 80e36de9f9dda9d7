/* Notices are raised from real rows and real files, and go out over real HTTP and SMTP, once. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

#include "server/notices/deliver.h"
#include "server/notices/notices.h"
#include "tests/support/suite.h"
#include "tests/unit/server/access.h"

/* One conversation of a peer, which keeps all that it is told. */
struct peer {
	int fd;
	uint16_t port;
	int status; /* of HTTP */
	char heard[8192];
};

static void listen_on(struct peer *p)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t n = sizeof(at);

	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(p->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(p->fd, 4), 0);
	ck_assert_int_eq(getsockname(p->fd, (struct sockaddr *)&at, &n), 0);
	p->port = ntohs(at.sin_port);
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static bool hear(struct peer *p, int fd)
{
	size_t used = strlen(p->heard);
	ssize_t n = read(fd, p->heard + used, sizeof(p->heard) - 1 - used);

	return n > 0;
}

static void *talk_http(void *arg)
{
	struct peer *p = arg;
	int fd = accept(p->fd, NULL, NULL);
	char answer[100];

	while (!strstr(p->heard, "}") && hear(p, fd))
		;
	snprintf(answer, sizeof(answer), "HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n", p->status);
	say(fd, answer);
	close(fd);
	return NULL;
}

static void *talk_smtp(void *arg)
{
	struct peer *p = arg;
	int fd = accept(p->fd, NULL, NULL);
	size_t seen = 0;
	bool data = false;

	say(fd, "220 test\r\n");
	while (hear(p, fd)) {
		const char *line = p->heard + seen;

		if (data && !strstr(p->heard, "\r\n.\r\n"))
			continue;
		seen = strlen(p->heard);
		if (!strncmp(line, "QUIT", 4))
			break;
		data = !strncmp(line, "DATA", 4);
		say(fd, data ? "354 go on\r\n" : "250 good\r\n");
	}
	close(fd);
	return NULL;
}

static const struct srv_notice notice = {.kind = "disk",
					 .subject = "host\r\nBcc: everybody",
					 .text = "3 % of the disk is free.",
					 .at = "2026-01-01T00:00:00Z"};

/* _i: taken, refused. */
START_TEST(a_webhook_gets_json)
{
	struct srv_config c = {.names = "server"};
	struct peer p = {.status = _i ? 500 : 204};
	struct err err = {0};
	pthread_t thread;

	listen_on(&p);
	snprintf(c.notice_webhook, sizeof(c.notice_webhook), "http://127.0.0.1:%u/hook", p.port);
	ck_assert_int_eq(pthread_create(&thread, NULL, talk_http, &p), 0);
	int r = srv_notice_deliver(&c, &notice, &err);

	pthread_join(thread, NULL);
	ck_assert_int_eq(r, _i ? -EHOSTUNREACH : 0);
	ck_assert_ptr_nonnull(strstr(p.heard, "POST /hook HTTP/1.1\r\n"));
	ck_assert_ptr_nonnull(strstr(p.heard, "\"text\":\"3 % of the disk is free.\""));
	ck_assert_ptr_null(strstr(p.heard, "\r\nBcc"));
	close(p.fd);
}
END_TEST

START_TEST(a_mail_has_no_line_that_a_subject_smuggled_in)
{
	struct srv_config c = {.names = "server",
			       .notice_mail_from = "ampoule@example.org",
			       .notice_mail_to = "ops@example.org"};
	struct peer p = {0};
	struct err err = {0};
	pthread_t thread;

	listen_on(&p);
	snprintf(c.notice_mail_server, sizeof(c.notice_mail_server), "smtp://127.0.0.1:%u", p.port);
	ck_assert_int_eq(pthread_create(&thread, NULL, talk_smtp, &p), 0);
	int r = srv_notice_deliver(&c, &notice, &err);

	pthread_join(thread, NULL);
	ck_assert_msg(r == 0, "%s", err.text);
	ck_assert_ptr_nonnull(strstr(p.heard, "MAIL FROM:<ampoule@example.org>"));
	ck_assert_ptr_nonnull(strstr(p.heard, "RCPT TO:<ops@example.org>"));
	ck_assert_ptr_nonnull(strstr(p.heard, "Subject: Ampoule: disk host  Bcc: everybody\r\n"));
	ck_assert_ptr_nonnull(strstr(p.heard, "\r\n\r\n3 % of the disk is free.\r\n"));
	close(p.fd);
}
END_TEST

START_TEST(nobody_there_is_an_error_and_nothing_configured_is_none)
{
	struct srv_config c = {.notice_webhook = "http://127.0.0.1:1/"};
	struct err err = {0};

	ck_assert_int_eq(srv_notice_deliver(&c, &notice, &err), -EHOSTUNREACH);
	snprintf(c.notice_webhook, sizeof(c.notice_webhook), "file:///etc/passwd");
	ck_assert_int_eq(srv_notice_deliver(&c, &notice, &err), -EHOSTUNREACH);
	c.notice_webhook[0] = '\0';
	ck_assert_int_eq(srv_notice_deliver(&c, &notice, &err), 0);
}
END_TEST

/* ---- causes ---- */

static size_t turn(void)
{
	struct err err = {0};
	size_t sent = 0;

	ck_assert_msg(srv_notices_turn(&context, &sent, &err) == 0, "%s", err.text);
	return sent;
}

START_TEST(a_cause_is_told_once_while_it_lasts)
{
	ck_assert_uint_eq(turn(), 0);
	access_sql("INSERT INTO devices (id, group_name, hostname, certificate_expires, last_seen) "
		   "VALUES (gen_random_uuid(), 'default', 'quiet', now(), now() - interval '2 "
		   "days')");
	ck_assert_uint_eq(turn(), 1);
	ck_assert_uint_eq(turn(), 0);
	ck_assert_int_eq(access_number("SELECT count(*) FROM notices WHERE kind = 'devices-silent' "
				       "AND sent_at IS NOT NULL AND text LIKE '1 devices%'"),
			 1);
	access_sql("UPDATE devices SET last_seen = now()");
	access_sql("UPDATE notices SET seen_at = now() - interval '2 hours'");
	ck_assert_uint_eq(turn(), 0);
	ck_assert_int_eq(access_number("SELECT count(*) FROM notices"), 0);
	access_sql("UPDATE devices SET last_seen = now() - interval '2 days'");
	ck_assert_uint_eq(turn(), 1);
}
END_TEST

START_TEST(what_could_not_be_sent_is_tried_again)
{
	snprintf(config.notice_webhook, sizeof(config.notice_webhook), "http://127.0.0.1:1/");
	access_sql(
		"INSERT INTO approvals (digest, action, summary, author, author_name, state, "
		"emergency, decided_at, reason) VALUES (sha256('x'), 'POST /x', '{}', 'x', 'boss', "
		"'emergency', true, now() - interval '2 days', 'fire')");
	ck_assert_uint_eq(turn(), 0);
	config.notice_webhook[0] = '\0';
	ck_assert_uint_eq(turn(), 0); /* claimed: not for five minutes */
	access_sql("UPDATE notices SET claimed_at = now() - interval '6 minutes'");
	ck_assert_uint_ge(turn(), 2); /* the emergency, and that nobody looked */
	ck_assert_int_eq(access_number("SELECT count(*) FROM notices WHERE kind LIKE 'emergency%' "
				       "AND sent_at IS NOT NULL"),
			 2);
}
END_TEST

START_TEST(a_certificate_near_its_end_is_told)
{
	static struct peer_identity soon; /* holds for an hour */
	char path[SRV_PATH_MAX + 16];
	FILE *f;

	peer_make_identity(&soon);
	snprintf(path, sizeof(path), "%s/ca.pem", config.state_dir);
	f = fopen(path, "we");
	ck_assert_int_ge(fputs(soon.certificate, f), 0);
	fclose(f);
	ck_assert_uint_eq(turn(), 1);
	ck_assert_int_eq(access_number(
				 "SELECT count(*) FROM notices WHERE kind = 'certificate' AND "
				 "subject LIKE 'ca.pem on %' AND text LIKE '%ends in 0 days%'"),
			 1);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("notices");

	log_set_level(LOG_LEVEL_ERROR);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pg_start();
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, access_start, access_stop);
	tcase_add_loop_test(t, a_webhook_gets_json, 0, 2);
	tcase_add_test(t, a_mail_has_no_line_that_a_subject_smuggled_in);
	tcase_add_test(t, nobody_there_is_an_error_and_nothing_configured_is_none);
	tcase_add_test(t, a_cause_is_told_once_while_it_lasts);
	tcase_add_test(t, what_could_not_be_sent_is_tried_again);
	tcase_add_test(t, a_certificate_near_its_end_is_told);
	return suite_run("server/notices", t);
}
