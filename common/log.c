#include "common/log.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum log_level max_level = LOG_LEVEL_INFO;

/* What a line begins with: a number for journald, a word for a person. */
static int put_level(char *line, size_t cap, enum log_level level)
{
	if (!isatty(STDERR_FILENO))
		return snprintf(line, cap, "<%d>", level);
	if (level == LOG_LEVEL_ERROR)
		return snprintf(line, cap, "error: ");
	return snprintf(line, cap, level == LOG_LEVEL_WARN ? "warning: " : "");
}

void log_set_level(enum log_level level)
{
	max_level = level;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[2048];
	va_list ap;

	if (level > max_level)
		return;
	int head = put_level(line, sizeof(line), level);

	va_start(ap, fmt);
	int n = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	size_t len = strlen(line);

	line[len++] = '\n';
	(void)!write(STDERR_FILENO, line, len); /* nowhere to report a dead stderr */
}

const char *log_quote(char *out, size_t cap, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	size_t at = 0;

	assert(cap >= 8);
	for (size_t i = 0; i < n; i++) {
		if (at + 8 > cap) {
			memcpy(out + at, "...", 4);
			return out;
		}
		if (p[i] == '\\' || p[i] == '"') {
			out[at++] = '\\';
			out[at++] = (char)p[i];
		} else if (p[i] >= 0x20 && p[i] < 0x7f) {
			out[at++] = (char)p[i];
		} else {
			at += (size_t)snprintf(out + at, cap - at, "\\x%02x", p[i]);
		}
	}
	out[at] = '\0';
	return out;
}
