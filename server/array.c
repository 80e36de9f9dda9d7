#include "server/array.h"

#include <inttypes.h>
#include <stdbool.h>

void srv_array_release(struct srv_array *array)
{
	buf_release(&array->text);
	array->error = 0;
}

static void put(struct srv_array *array, const char *bytes, size_t n)
{
	if (array->error == 0)
		array->error = buf_put(&array->text, bytes, n);
}

static void begin_item(struct srv_array *array)
{
	put(array, array->text.len ? "," : "{", 1);
}

void srv_array_add_text(struct srv_array *array, const char *text)
{
	begin_item(array);
	put(array, "\"", 1);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			put(array, "\\", 1);
		put(array, text, 1);
	}
	put(array, "\"", 1);
}

void srv_array_add_bytes(struct srv_array *array, const void *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = bytes;

	begin_item(array);
	put(array, "\"\\\\x", 4);
	for (size_t i = 0; i < n; i++) {
		const char two[] = {digits[p[i] >> 4], digits[p[i] & 15]};

		put(array, two, 2);
	}
	put(array, "\"", 1);
}

void srv_array_add_int(struct srv_array *array, int64_t value)
{
	begin_item(array);
	if (array->error == 0)
		array->error = buf_printf(&array->text, "%" PRId64, value);
}

const char *srv_array_text(struct srv_array *array)
{
	if (array->text.len == 0)
		put(array, "{", 1);
	/* The end is written behind the last byte and not kept, so that more can be added. */
	put(array, "}", 2);
	if (array->error)
		return NULL;
	array->text.len -= 2;
	return (const char *)array->text.data;
}
