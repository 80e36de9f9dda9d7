#include "common/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

int err_set(struct err *err, int code, const char *fmt, ...)
{
	assert(code < 0);
	if (!err)
		return code;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap); /* a cut text is still a text */
	va_end(ap);
	err->code = code;
	return code;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
	char prefix[256];
	char whole[sizeof(prefix) + sizeof(err->text) + 2];
	va_list ap;

	if (!err)
		return 0;
	va_start(ap, fmt);
	(void)vsnprintf(prefix, sizeof(prefix), fmt, ap);
	va_end(ap);
	snprintf(whole, sizeof(whole), "%s: %s", prefix, err->text);
	(void)snprintf(err->text, sizeof(err->text), "%.*s", (int)sizeof(err->text) - 1, whole);
	return err->code;
}
