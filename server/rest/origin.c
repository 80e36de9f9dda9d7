#include "server/rest/origin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

int srv_cookie_find(const char *header, char ret_value[SRV_COOKIE_MAX])
{
	static const char name[] = SRV_COOKIE_NAME "=";
	int found = 0;

	for (const char *at = header; at && *at;) {
		at += strspn(at, " \t;");
		size_t n = strcspn(at, ";"), head = sizeof(name) - 1;

		if (n >= head && !strncmp(at, name, head)) {
			if (found || n - head >= SRV_COOKIE_MAX)
				return -EINVAL;
			found = 1;
			snprintf(ret_value, SRV_COOKIE_MAX, "%.*s", (int)(n - head), at + head);
		}
		at += n;
	}
	return found;
}

bool srv_origin_is_ours(const struct srv_request *req, bool marked)
{
	static const char https[] = "https://";

	if (marked && (!req->marker || strcmp(req->marker, "1") != 0))
		return false;
	if (req->fetch_site && strcmp(req->fetch_site, "same-origin") != 0 &&
	    strcmp(req->fetch_site, "none") != 0)
		return false;
	if (!req->origin)
		return true;
	return req->host && !strncasecmp(req->origin, https, sizeof(https) - 1) &&
	       !strcasecmp(req->origin + sizeof(https) - 1, req->host);
}

void srv_cookie_set(struct srv_request *req, const char *value)
{
	snprintf(req->set_cookie, sizeof(req->set_cookie),
		 SRV_COOKIE_NAME "=%s; Path=/; Secure; HttpOnly; SameSite=Strict%s", value,
		 value[0] ? "" : "; Max-Age=0");
}
