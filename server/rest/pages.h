/* Lists: what all of them share. A page has at most `limit` things and the cursor to go on with. */
#ifndef SERVER_REST_PAGES_H
#define SERVER_REST_PAGES_H

#include <stdint.h>

#include "server/rest/route.h"

enum {
	SRV_PAGE_DEFAULT = 100,
	SRV_PAGE_MAX = 1000,
	SRV_PAGE_CURSOR_MAX = 160
};

/* The fields of a table of parameters. */
#define SRV_PAGE_LIMIT                                                   \
	{                                                                \
		"limit", SRV_FIELD_NUMBER, .min = 1, .max = SRV_PAGE_MAX \
	}
#define SRV_PAGE_AFTER                                                        \
	{                                                                     \
		"after", SRV_FIELD_TEXT, .min = 1, .max = SRV_PAGE_CURSOR_MAX \
	}

/* The limit asked for, or the default. */
int64_t srv_page_limit(const struct srv_value *limit);
/* Splits a cursor "NAME/NUMBER" at its last "/". -EINVAL; answers 400. */
int srv_page_split(struct srv_call *call, const struct srv_value *after, char *ret_name, size_t cap,
		   int64_t *ret_number) must_check;
/* Answers 400: the cursor is none of ours. */
void srv_page_refuse(struct srv_call *call);

/* {"<noun>": list, "next": text or null}; takes list, NULL is out of memory. */
json_t *srv_page_json(const char *noun, json_t *list, const char *next);
/* Appends item, which it takes, to list: -ENOMEM with err. */
int srv_page_add(json_t *list, json_t *item, struct err *err) must_check;

#endif
