#include "server/notices/deliver.h"

#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

/* Where to send is the administrator's word in server.conf, never a request's. Redirects are not followed. */

enum {
	CONNECT_S = 10,
	WHOLE_S = 30
};

static size_t drop(char *bytes, size_t size, size_t n, void *cls)
{
	(void)bytes;
	(void)cls;
	return size * n;
}

static void set_common(CURL *curl, const char *url, const char *protocols)
{
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)WHOLE_S);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
}

static int perform(CURL *curl, const char *what, struct err *err)
{
	CURLcode code = curl_easy_perform(curl);

	return code == CURLE_OK
		       ? 0
		       : err_set(err, -EHOSTUNREACH, "%s: %s", what, curl_easy_strerror(code));
}

static int send_webhook(const struct srv_config *config, const struct srv_notice *n,
			struct err *err)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind", n->kind, "subject",
				 n->subject, "text", n->text, "at", n->at, "server", config->names);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	CURL *curl = curl_easy_init();
	int r = -ENOMEM;

	if (text && headers && curl) {
		set_common(curl, config->notice_webhook, "http,https");
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
		curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
		r = perform(curl, "webhook", err);
	}
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	free(text);
	json_decref(json);
	return r == -ENOMEM ? err_set(err, r, "out of memory") : r;
}

/* A line of a header: what could end it or begin another is a blank. */
static int put_header(struct buf *out, const char *name, const char *value)
{
	int r = buf_printf(out, "%s: ", name);

	for (; *value && r == 0; value++)
		r = buf_put_u8(out, (unsigned char)*value < 0x20 || *value == 0x7f
					    ? ' '
					    : (uint8_t)*value);
	return r < 0 ? r : buf_printf(out, "\r\n");
}

static int make_mail(const struct srv_config *config, const struct srv_notice *n, struct buf *out)
{
	char subject[200];
	int r = put_header(out, "From", config->notice_mail_from);

	snprintf(subject, sizeof(subject), "Ampoule: %s %s", n->kind, n->subject);
	if (r == 0)
		r = put_header(out, "To", config->notice_mail_to);
	if (r == 0)
		r = put_header(out, "Subject", subject);
	if (r == 0)
		r = buf_printf(out,
			       "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
			       "\r\n%s\r\n\r\n%s, %s\r\n",
			       n->text, config->names, n->at);
	return r;
}

struct source {
	const uint8_t *bytes;
	size_t n;
};

static size_t give(char *out, size_t size, size_t n, void *cls)
{
	struct source *s = cls;
	size_t len = s->n < size * n ? s->n : size * n;

	memcpy(out, s->bytes, len);
	s->bytes += len;
	s->n -= len;
	return len;
}

static int send_mail(const struct srv_config *config, const struct srv_notice *n, struct err *err)
{
	cleanup_buf struct buf mail = {0};
	struct curl_slist *to = curl_slist_append(NULL, config->notice_mail_to);
	CURL *curl = curl_easy_init();
	int r = to && curl ? make_mail(config, n, &mail) : -ENOMEM;
	struct source source = {.bytes = mail.data, .n = mail.len};

	if (r == 0) {
		set_common(curl, config->notice_mail_server, "smtp,smtps");
		curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_TRY);
		curl_easy_setopt(curl, CURLOPT_MAIL_FROM, config->notice_mail_from);
		curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
		curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
		curl_easy_setopt(curl, CURLOPT_READDATA, &source);
		r = perform(curl, "mail", err);
	}
	curl_easy_cleanup(curl);
	curl_slist_free_all(to);
	return r == -ENOMEM ? err_set(err, r, "out of memory") : r;
}

int srv_notice_deliver(const struct srv_config *config, const struct srv_notice *notice,
		       struct err *err)
{
	int r = 0, mailed = 0;

	if (config->notice_webhook[0])
		r = send_webhook(config, notice, err);
	if (config->notice_mail_server[0] && config->notice_mail_to[0])
		mailed = send_mail(config, notice, err);
	return r < 0 ? r : mailed;
}
