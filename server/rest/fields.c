#include "server/rest/fields.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

int srv_fields_find(const struct srv_field *fields, const char *name)
{
	for (int i = 0; fields && fields[i].name; i++) {
		if (!strcmp(fields[i].name, name))
			return i;
	}
	return -ENOENT;
}

static bool is_word(const char *words, const char *text, size_t n)
{
	for (const char *w = words; w;) {
		size_t len = strcspn(w, "|");

		if (len == n && !memcmp(w, text, n))
			return true;
		w = w[len] ? w + len + 1 : NULL;
	}
	return false;
}

static int check_text(const struct srv_field *f, const char *text, size_t n, struct err *err)
{
	if ((int64_t)n < f->min)
		return err_set(err, -ERANGE, "%s: shorter than %" PRId64 " bytes", f->name, f->min);
	if ((int64_t)n > f->max)
		return err_set(err, -ERANGE, "%s: longer than %" PRId64 " bytes", f->name, f->max);
	if (strlen(text) != n)
		return err_set(err, -ERANGE, "%s: contains a NUL character", f->name);
	if (f->words && !is_word(f->words, text, n))
		return err_set(err, -ERANGE, "%s: is not one of %s", f->name, f->words);
	return 0;
}

static int check_number(const struct srv_field *f, int64_t n, struct err *err)
{
	if (n < f->min || n > f->max)
		return err_set(err, -ERANGE, "%s: is not between %" PRId64 " and %" PRId64, f->name,
			       f->min, f->max);
	return 0;
}

static int check_list(const struct srv_field *f, const json_t *json, struct err *err)
{
	int64_t n = (int64_t)json_array_size(json);

	if (!json_is_array(json) || n < f->min || n > f->max)
		return err_set(err, -ERANGE,
			       "%s: is not a list of %" PRId64 " to %" PRId64 " things", f->name,
			       f->min, f->max);
	return 0;
}

static int read_one(const struct srv_field *f, json_t *json, struct srv_value *value,
		    struct err *err)
{
	int r;

	if (f->kind == SRV_FIELD_NUMBER) {
		if (!json_is_integer(json))
			return err_set(err, -ERANGE, "%s: is not a whole number", f->name);
		value->number = json_integer_value(json);
		r = check_number(f, value->number, err);
	} else if (f->kind == SRV_FIELD_FLAG) {
		value->flag = json_is_true(json);
		r = json_is_boolean(json)
			    ? 0
			    : err_set(err, -ERANGE, "%s: is not true or false", f->name);
	} else if (f->kind == SRV_FIELD_LIST) {
		value->list = json;
		r = check_list(f, json, err);
	} else {
		if (!json_is_string(json))
			return err_set(err, -ERANGE, "%s: is not a text", f->name);
		value->text = json_string_value(json);
		value->bytes = json_string_length(json);
		r = check_text(f, value->text, value->bytes, err);
	}
	value->given = r == 0;
	return r;
}

static int check_required(const struct srv_field *fields, const struct srv_value *values,
			  struct err *err)
{
	for (size_t i = 0; fields && fields[i].name; i++) {
		if (fields[i].required && !values[i].given)
			return err_set(err, -ERANGE, "%s: is missing", fields[i].name);
	}
	return 0;
}

int srv_fields_read(const struct srv_field *fields, json_t *object, struct srv_value *values,
		    struct err *err)
{
	const char *name;
	json_t *json;

	if (!json_is_object(object))
		return err_set(err, -EINVAL, "the body is not a JSON object");
	json_object_foreach(object, name, json)
	{
		int i = srv_fields_find(fields, name);
		char quoted[80];

		if (i < 0)
			return err_set(err, -EPERM, "unknown field '%s'",
				       log_quote(quoted, sizeof(quoted), name, strlen(name)));
		int r = read_one(&fields[i], json, &values[i], err);

		if (r < 0)
			return r;
	}
	return check_required(fields, values, err);
}

static int parse_number(const char *text, int64_t *ret)
{
	char *end;

	errno = 0;
	long long n = strtoll(text, &end, 10);

	if (errno || end == text || *end || (*text != '-' && (*text < '0' || *text > '9')))
		return -ERANGE;
	*ret = n;
	return 0;
}

int srv_fields_read_query(const struct srv_field *fields, const char *name, const char *text,
			  struct srv_value *values, struct err *err)
{
	int i = srv_fields_find(fields, name), r;
	char quoted[80];

	if (i < 0)
		return err_set(err, -EPERM, "unknown parameter '%s'",
			       log_quote(quoted, sizeof(quoted), name, strlen(name)));
	if (values[i].given)
		return err_set(err, -EEXIST, "%s: given twice", name);
	if (fields[i].kind == SRV_FIELD_NUMBER) {
		if (parse_number(text, &values[i].number) < 0)
			return err_set(err, -ERANGE, "%s: is not a whole number", name);
		r = check_number(&fields[i], values[i].number, err);
	} else {
		values[i].text = text;
		values[i].bytes = strlen(text);
		r = check_text(&fields[i], text, values[i].bytes, err);
	}
	values[i].given = r == 0;
	return r;
}
