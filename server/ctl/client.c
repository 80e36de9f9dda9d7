#include "server/ctl/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	CONNECT_TIMEOUT_S = 10,
	REQUEST_TIMEOUT_S = 120,
	URL_MAX = 17000,
	KEY_BYTES = 16, /* of an Idempotency-Key */
	ETAG_MAX = 80
};

#define COOKIE  "__Host-ampoule"
#define SESSION "ampoule_session_"

struct ctl_client {
	CURL *curl;
	struct ctl_profile profile;
	char session[CTL_TOKEN_MAX];
	char etag[ETAG_MAX]; /* of the last answer; "" when it had none */
	bool match_last;
	char key[2 * KEY_BYTES + 1]; /* of the POST under way; "" for other requests */
	char error[CURL_ERROR_SIZE];
	struct buf reply;
	/* during an upload */
	ctl_progress progress;
	void *progress_cls;
	int fd;
};

void ctl_answer_release(struct ctl_answer *answer)
{
	json_decref(answer->json);
	*answer = (struct ctl_answer){0};
}

struct ctl_client *ctl_client_new(struct ctl_profile *profile, struct err *err)
{
	struct ctl_client *client = calloc(1, sizeof(*client));

	if (client)
		client->curl = curl_easy_init();
	if (!client || !client->curl) {
		err_set(err, -ENOMEM, "out of memory");
		free(client);
		return NULL;
	}
	client->profile = *profile;
	*profile = (struct ctl_profile){0};
	return client;
}

void ctl_client_close(struct ctl_client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	buf_release(&client->reply);
	ctl_profile_release(&client->profile);
	explicit_bzero(client->session, sizeof(client->session));
	free(client);
}

const char *ctl_client_session(const struct ctl_client *client)
{
	return client->session;
}

const char *ctl_client_server(const struct ctl_client *client)
{
	return client->profile.server;
}

static size_t on_reply(char *bytes, size_t size, size_t n, void *cls)
{
	struct ctl_client *client = cls;

	if (client->reply.len + size * n > CTL_ANSWER_MAX ||
	    buf_put(&client->reply, bytes, size * n) < 0)
		return 0; /* ends the transfer */
	return size * n;
}

/* Keeps the value of "ETag: VALUE". */
static void keep_etag(struct ctl_client *client, const char *bytes, size_t len)
{
	static const char name[] = "etag: ";
	size_t head = sizeof(name) - 1, end = len;

	if (len <= head || strncasecmp(bytes, name, head) != 0)
		return;
	while (end > head && (bytes[end - 1] == '\r' || bytes[end - 1] == '\n'))
		end--;
	if (end - head < sizeof(client->etag))
		snprintf(client->etag, sizeof(client->etag), "%.*s", (int)(end - head),
			 bytes + head);
}

/* Keeps the session of "Set-Cookie: __Host-ampoule=VALUE; ...". */
static size_t on_header(char *bytes, size_t size, size_t n, void *cls)
{
	static const char name[] = "set-cookie: " COOKIE "=";
	struct ctl_client *client = cls;
	size_t head = sizeof(name) - 1, len = size * n, end = head;

	keep_etag(client, bytes, len);
	if (len <= head || strncasecmp(bytes, name, head) != 0)
		return len;
	while (end < len && bytes[end] != ';' && bytes[end] != '\r')
		end++;
	if (end - head < sizeof(client->session))
		snprintf(client->session, sizeof(client->session), "%.*s", (int)(end - head),
			 bytes + head);
	return len;
}

static size_t on_read(char *bytes, size_t size, size_t n, void *cls)
{
	struct ctl_client *client = cls;
	ssize_t got;

	do
		got = read(client->fd, bytes, size * n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

static int on_progress(void *cls, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
		       curl_off_t up)
{
	struct ctl_client *client = cls;

	(void)down_total;
	(void)down;
	if (client->progress && up_total > 0)
		client->progress(client->progress_cls, (uint64_t)up, (uint64_t)up_total);
	return 0;
}

/* Options that every request has; the handle is reset first, its connection stays. */
static void prepare(struct ctl_client *client, const char *url, struct curl_slist *headers)
{
	CURL *curl = client->curl;
	struct curl_blob ca = {.data = client->profile.ca.data,
			       .len = client->profile.ca.len,
			       .flags = CURL_BLOB_COPY};

	curl_easy_reset(curl);
	client->error[0] = '\0';
	buf_clear(&client->reply);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* This CA alone, not the system's hundred others. */
	curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &ca);
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_reply);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, client);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, client);
}

static struct curl_slist *add_line(struct curl_slist *list, const char *line)
{
	struct curl_slist *longer = list ? curl_slist_append(list, line) : NULL;

	if (!longer)
		curl_slist_free_all(list);
	return longer;
}

static struct curl_slist *make_headers(const struct ctl_client *client, const char *type)
{
	const char *token = client->profile.token;
	char line[CTL_TOKEN_MAX + 64];
	/* A session is sent as a browser would, with the header that no page of another site can send. */
	struct curl_slist *list = curl_slist_append(NULL, "X-Ampoule-Request: 1");

	if (!strncmp(token, SESSION, sizeof(SESSION) - 1))
		snprintf(line, sizeof(line), "Cookie: " COOKIE "=%s", token);
	else
		snprintf(line, sizeof(line), "Authorization: Bearer %s", token);
	if (token[0])
		list = add_line(list, line);
	explicit_bzero(line, sizeof(line));
	snprintf(line, sizeof(line), "Idempotency-Key: %s", client->key);
	if (client->key[0])
		list = add_line(list, line);
	snprintf(line, sizeof(line), "If-Match: %s", client->etag);
	if (client->match_last && client->etag[0])
		list = add_line(list, line);
	snprintf(line, sizeof(line), "Content-Type:%s%s", type ? " " : "", type ? type : "");
	return add_line(list, line);
}

/* The request may have been done, and its answer was lost. */
static bool is_broken_off(CURLcode code)
{
	return code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_GOT_NOTHING ||
	       code == CURLE_PARTIAL_FILE;
}

/* Runs what was prepared and reads the answer. -ECONNRESET when it broke off on the way. */
static int perform(struct ctl_client *client, struct ctl_answer *answer, struct err *err)
{
	CURLcode code = curl_easy_perform(client->curl);

	if (code != CURLE_OK)
		return err_set(err, is_broken_off(code) ? -ECONNRESET : -EHOSTUNREACH, "%s: %s",
			       client->profile.server,
			       client->error[0] ? client->error : curl_easy_strerror(code));
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &answer->status);
	if (!client->reply.len)
		return 0;
	answer->json = json_loadb((const char *)client->reply.data, client->reply.len, 0, NULL);
	if (!json_is_object(answer->json))
		return err_set(err, -EPROTO,
			       "%s answered %ld without JSON: is it an Ampoule server?",
			       client->profile.server, answer->status);
	return 0;
}

static int make_url(const struct ctl_client *client, const char *path, char *url, struct err *err)
{
	int n = snprintf(url, URL_MAX, "%s/api/v1%s", client->profile.server, path);

	return n > 0 && n < URL_MAX ? 0 : err_set(err, -ENAMETOOLONG, "the request is too long");
}

void ctl_client_match_last(struct ctl_client *client)
{
	client->match_last = true;
}

/* A key of its own for each POST, "" for what needs none. */
static int make_key(struct ctl_client *client, const char *method)
{
	uint8_t bytes[KEY_BYTES];

	client->key[0] = '\0';
	if (strcmp(method, "POST") != 0)
		return 0;
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(client->key + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

/* The request, prepared anew each time it is sent. */
static int send_once(struct ctl_client *client, const char *method, const char *url,
		     const char *text, struct ctl_answer *answer, struct err *err)
{
	struct curl_slist *headers = make_headers(client, text ? "application/json" : NULL);

	if (!headers)
		return err_set(err, -ENOMEM, "out of memory");
	prepare(client, url, headers);
	client->etag[0] = '\0';
	curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(client->curl, CURLOPT_TIMEOUT, (long)REQUEST_TIMEOUT_S);
	if (text) {
		curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, text);
		curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)strlen(text));
	}
	int r = perform(client, answer, err);

	curl_slist_free_all(headers);
	return r;
}

int ctl_client_send(struct ctl_client *client, const char *method, const char *path, json_t *body,
		    struct ctl_answer *answer, struct err *err)
{
	char url[URL_MAX];
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	int r = make_url(client, path, url, err);

	*answer = (struct ctl_answer){0};
	if (r == 0 && body && !text)
		r = err_set(err, -ENOMEM, "out of memory");
	if (r == 0 && make_key(client, method) < 0)
		r = err_set(err, -EIO, "the random generator fails");
	if (r == 0) {
		r = send_once(client, method, url, text, answer, err);
		if (r == -ECONNRESET && client->key[0])
			r = send_once(client, method, url, text, answer, err);
		r = r == -ECONNRESET ? -EHOSTUNREACH : r;
	}
	client->match_last = false;
	free(text);
	json_decref(body);
	return r;
}

int ctl_client_upload(struct ctl_client *client, const char *path, int fd, uint64_t bytes,
		      ctl_progress progress, void *cls, struct ctl_answer *answer, struct err *err)
{
	char url[URL_MAX];

	client->key[0] = '\0';
	struct curl_slist *headers = make_headers(client, "application/octet-stream");
	int r = make_url(client, path, url, err);

	*answer = (struct ctl_answer){0};
	if (r == 0 && !headers)
		r = err_set(err, -ENOMEM, "out of memory");
	if (r == 0) {
		prepare(client, url, headers);
		client->fd = fd;
		client->progress = progress;
		client->progress_cls = cls;
		curl_easy_setopt(client->curl, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(client->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)bytes);
		curl_easy_setopt(client->curl, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(client->curl, CURLOPT_READDATA, client);
		curl_easy_setopt(client->curl, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(client->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
		curl_easy_setopt(client->curl, CURLOPT_XFERINFODATA, client);
		r = perform(client, answer, err);
	}
	curl_slist_free_all(headers);
	return r == -ECONNRESET ? -EHOSTUNREACH : r;
}
