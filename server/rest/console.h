/* The web console's files, as the server hands them out: built by web/, compressed beforehand, part of
 * the binary (console_files.c). They are public; what they show comes from the API alone.
 *
 * Nothing here is changed after the program starts; any thread may call. */
#ifndef SERVER_REST_CONSOLE_H
#define SERVER_REST_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/rest/http.h"

/* One representation of a file's content. */
struct srv_console_blob {
	const uint8_t *bytes; /* NULL: there is none */
	size_t len;
};

struct srv_console_file {
	const char *path; /* "/assets/index-C0FFEE.js" */
	const char *type; /* Content-Type */
	const char *etag; /* of the content, without quotes */
	bool immutable;   /* the name changes with the content */
	struct srv_console_blob plain, br, gzip;
};

struct srv_console {
	const struct srv_console_file *files;
	size_t count;
};

/* What web/ built; without files when npm was missing then. */
extern const struct srv_console srv_console_built;

/* Whether the console, and not the API, answers for this path when it is no route. */
bool srv_console_owns(const char *path);

/* Answers: a file; index.html for a page of the application; 304 when the client has it; 404; 405 for
 * another method than GET and HEAD. */
void srv_console_reply(const struct srv_console *console, struct srv_request *req);

#endif
