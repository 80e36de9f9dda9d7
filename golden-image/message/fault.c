#include "golden-image/message/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fault_set(struct fault *fault, int error, const char *fmt, ...)
{
	va_list ap;

	fault->code = -error;
	va_start(ap, fmt);
	vsnprintf(fault->text, sizeof(fault->text), fmt, ap);
	va_end(ap);
	size_t n = strlen(fault->text);
	const char *words = strerrordesc_np(error);

	snprintf(fault->text + n, sizeof(fault->text) - n, ": %s", words ? words : "unknown error");
	return -error;
}
