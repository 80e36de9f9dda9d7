#include "server/rest/console.h"

#include <stdio.h>
#include <string.h>

#include "server/rest/reply.h"

/* A path is only ever compared with the table's: no file of the machine is opened, so no path can name
 * one. The policy below allows no inline script or style and no other origin, also against ourselves. */

#define INDEX "/index.html"

static const char content_policy[] =
	"default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; "
	"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

static const struct srv_header security[] = {
	{"Content-Security-Policy", content_policy},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Referrer-Policy", "no-referrer"},
	{"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
};

static const char no_console[] =
	"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>No console</title>"
	"<h1>This server was built without its console</h1>"
	"<p>Building it needs npm: install it and run <code>make</code> again. "
	"The API is at <code>/api/v1</code>, and <code>ampoulectl</code> works.</p></html>\n";

bool srv_console_owns(const char *path)
{
	return strcmp(path, "/api") != 0 && strncmp(path, "/api/", 5) != 0;
}

static const struct srv_console_file *find(const struct srv_console *console, const char *path)
{
	for (size_t i = 0; i < console->count; i++) {
		if (!strcmp(console->files[i].path, path))
			return &console->files[i];
	}
	return NULL;
}

/* Pages are routes inside the application: words without a dot, as no file is named. */
static bool is_page(const char *path)
{
	for (const char *at = path; *at; at++) {
		if ((unsigned char)*at <= ' ' || strchr(".\\%<>\"", *at))
			return false;
	}
	return path[0] == '/' && !strstr(path, "//");
}

/* "coding;q=0" says that the client does not want it (RFC 9110, 12.5.3). */
static bool is_refused(const char *params, size_t n)
{
	size_t skip = strspn(params, "; \t");

	if (skip >= n || strncasecmp(params + skip, "q=0", 3) != 0)
		return false;
	return strspn(params + skip + 2, "0.") >= n - skip - 2;
}

static bool accepts(const char *header, const char *coding)
{
	size_t len = strlen(coding);

	for (const char *at = header; at && *at;) {
		at += strspn(at, ", \t");
		size_t n = strcspn(at, ",");

		while (n && (at[n - 1] == ' ' || at[n - 1] == '\t'))
			n--;
		if (n >= len && !strncasecmp(at, coding, len) && strchr("; \t,", at[len]))
			return !is_refused(at + len, n - len);
		at += strcspn(at, ",");
	}
	return false;
}

/* If-None-Match: "*" or a list; weak and strong tags compare alike (RFC 9110, 13.1.2). */
static bool has_already(const struct srv_request *req, const char *quoted_etag)
{
	const char *have = req->if_none_match;

	return have && (!strcmp(have, "*") || strstr(have, quoted_etag));
}

static void add(struct srv_request *req, const char *name, const char *value)
{
	if (req->header_count < SRV_HEADERS_MAX)
		req->headers[req->header_count++] = (struct srv_header){name, value};
}

static void add_security(struct srv_request *req)
{
	for (size_t i = 0; i < sizeof(security) / sizeof(security[0]); i++)
		add(req, security[i].name, security[i].value);
}

static void reply_file(const struct srv_console_file *file, struct srv_request *req)
{
	struct srv_console_blob blob = file->plain;
	const char *coding = "";

	if (file->br.bytes && accepts(req->accept_encoding, "br")) {
		blob = file->br;
		coding = "br";
	} else if (file->gzip.bytes && accepts(req->accept_encoding, "gzip")) {
		blob = file->gzip;
		coding = "gzip";
	}
	/* Each representation has a tag of its own (RFC 9110, 8.8.3). */
	snprintf(req->etag, sizeof(req->etag), "\"%s%s%s\"", file->etag, coding[0] ? "-" : "",
		 coding);
	req->cache_control = file->immutable ? "public, max-age=31536000, immutable" : "no-cache";
	add_security(req);
	add(req, "Vary", "Accept-Encoding");
	if (has_already(req, req->etag)) {
		req->status = 304;
		return;
	}
	if (coding[0])
		add(req, "Content-Encoding", coding);
	req->status = 200;
	req->reply_type = file->type;
	req->reply_borrowed = blob.bytes;
	req->reply_borrowed_len = blob.len;
}

static void reply_without_console(struct srv_request *req)
{
	add_security(req);
	req->status = 404;
	req->reply_type = "text/html; charset=utf-8";
	req->reply_borrowed = (const uint8_t *)no_console;
	req->reply_borrowed_len = sizeof(no_console) - 1;
}

void srv_console_reply(const struct srv_console *console, struct srv_request *req)
{
	const struct srv_console_file *file;

	if (strcmp(req->method, "GET") != 0 && strcmp(req->method, "HEAD") != 0) {
		snprintf(req->allow, sizeof(req->allow), "GET, HEAD");
		srv_reply_problem(req, SRV_METHOD_NOT_ALLOWED,
				  "The console's files are only read; the API is under /api/v1.");
		return;
	}
	file = find(console, req->path);
	if (!file && is_page(req->path)) {
		file = find(console, INDEX);
		if (!file) {
			reply_without_console(req);
			return;
		}
	}
	if (file)
		reply_file(file, req);
	else
		srv_reply_problem(req, SRV_NOT_FOUND, "The console has no such file.");
}
