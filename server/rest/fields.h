/* What a request may carry: tables of fields, for JSON bodies and for query parameters alike.
 *
 * A handler never looks at JSON; it gets values by the field's place in its table. A name that is not in
 * the table is refused, so that a misspelt one is never ignored. Any thread. */
#ifndef SERVER_REST_FIELDS_H
#define SERVER_REST_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"

enum {
	SRV_FIELDS_MAX = 12
};

enum srv_field_kind {
	SRV_FIELD_TEXT,
	SRV_FIELD_NUMBER,
	SRV_FIELD_FLAG, /* true or false; JSON bodies only, as the next */
	SRV_FIELD_LIST  /* an array, whose items the handler reads */
};

struct srv_field {
	const char *name; /* NULL ends a table */
	enum srv_field_kind kind;
	bool required;
	int64_t min, max;  /* of the text's bytes, the number, or the list's length */
	const char *words; /* "enrol|api": the only texts allowed; NULL = any */
};

struct srv_value {
	bool given;
	const char *text; /* borrowed, terminated, UTF-8 without NUL */
	size_t bytes;
	int64_t number;
	bool flag;
	json_t *list; /* borrowed */
};

/* The place of name in the table, or -ENOENT. */
int srv_fields_find(const struct srv_field *fields, const char *name);
/* Reads a JSON object by the table; the values borrow from it. -EINVAL: not an object; -EPERM: a name
 * that is not in the table; -ERANGE: a field is missing, of the wrong type or outside its bounds.
 * err names the field. */
int srv_fields_read(const struct srv_field *fields, json_t *object, struct srv_value *values,
		    struct err *err) must_check;
/* Reads one query parameter; as above, and -EEXIST when it was given before. */
int srv_fields_read_query(const struct srv_field *fields, const char *name, const char *text,
			  struct srv_value *values, struct err *err) must_check;

#endif
