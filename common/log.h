/* The programs' log: one line per event to stderr, "<N>noun: text key=value", as journald reads it;
 * on a terminal "error: " or "warning: " stands in the number's place.
 *
 * Libraries return errors; only programs log, once, where the error is handled. The log level is the
 * one global of the project. Any thread may log; a line is written with one write(2). */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stddef.h>

/* syslog(3) numbers: ERROR = work lost, WARN = "..., ignoring", INFO = state changed, DEBUG = free. */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARN = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/* Lines above this level are dropped; the default is INFO. Call before the first thread starts. */
void log_set_level(enum log_level level);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Quotes n foreign bytes into out (cap bytes, always terminated): printable ASCII as it is, '\' and
 * '"' escaped, everything else as \xNN; UTF-8 is not trusted on an admin's terminal. Cut with "..."
 * when out is too small. Returns out. cap must be at least 8. */
const char *log_quote(char *out, size_t cap, const void *bytes, size_t n);

#endif
