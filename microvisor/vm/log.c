#include "microvisor/vm/log.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

void mv_log(enum mv_log_level level, const char *format, ...)
{
	char line[1024];
	int saved = errno;
	int n = snprintf(line, sizeof(line), "<%d>", (int)level);
	va_list ap;

	va_start(ap, format);
	errno = saved;
	int m = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, format, ap);

	va_end(ap);
	n += m < 0 ? 0 : m;
	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n++] = '\n';
	/* A log that cannot be written is lost; the guest goes on. */
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		errno = saved;
	errno = saved;
}

void mv_log_quote(char *out, size_t out_bytes, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	size_t used = 0;

	for (size_t i = 0; i < n && used + 4 < out_bytes; i++) {
		bool plain = p[i] >= 0x20 && p[i] < 0x7f && p[i] != '\\';

		used += (size_t)snprintf(out + used, out_bytes - used, plain ? "%c" : "\\x%02x",
					 p[i]);
	}
	out[used] = '\0';
}

int mv_log_fail(const char *who, const char *what)
{
	int r = -errno;

	mv_log(MV_LOG_ERROR, "%s: %s: %m", who, what);
	return r;
}

/* assert(3) calls this. The library's own allocates and signals, for which no thread's filter has a rule:
 * it would die without a word. */
void __assert_fail(const char *assertion, const char *file, unsigned line, const char *function)
{
	(void)function;
	mv_log(MV_LOG_ERROR, "bug: %s:%u: %s", file, line, assertion);
	__builtin_trap();
}
