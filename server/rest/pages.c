#include "server/rest/pages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t srv_page_limit(const struct srv_value *limit)
{
	return limit->given ? limit->number : SRV_PAGE_DEFAULT;
}

void srv_page_refuse(struct srv_call *call)
{
	srv_reply_problem(call->req, SRV_BAD_PARAMETER,
			  "after: is not a cursor; give the \"next\" of the page before.");
}

int srv_page_split(struct srv_call *call, const struct srv_value *after, char *ret_name, size_t cap,
		   int64_t *ret_number)
{
	const char *slash = strrchr(after->text, '/');
	size_t n = slash ? (size_t)(slash - after->text) : 0;
	char *end;

	errno = 0;
	long long number = slash ? strtoll(slash + 1, &end, 10) : 0;

	if (!slash || !n || n >= cap || errno || end == slash + 1 || *end) {
		srv_page_refuse(call);
		return -EINVAL;
	}
	snprintf(ret_name, cap, "%.*s", (int)n, after->text);
	*ret_number = number;
	return 0;
}

json_t *srv_page_json(const char *noun, json_t *list, const char *next)
{
	return list ? json_pack("{s:o, s:s?}", noun, list, "next", next) : NULL;
}

int srv_page_add(json_t *list, json_t *item, struct err *err)
{
	if (!item || json_array_append_new(list, item) < 0)
		return err_set(err, -ENOMEM, "out of memory for a list");
	return 0;
}
