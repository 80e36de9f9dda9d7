/* The microvm's log: lines on stderr, with a priority that journald understands.
 *
 * Any thread; a line is one write(2). What a guest chose passes mv_log_quote() first. */
#ifndef MV_VM_LOG_H
#define MV_VM_LOG_H

#include <stddef.h>

enum mv_log_level {
	MV_LOG_ERROR = 3,
	MV_LOG_WARN = 4,
	MV_LOG_INFO = 6
};

/* Formats and writes one line of at most 1 KiB; %m is errno, which is kept. */
void mv_log(enum mv_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Copies n bytes as printable ASCII into out, whatever else as \xNN, cut to fit and terminated. */
void mv_log_quote(char *out, size_t out_bytes, const void *bytes, size_t n);

/* Logs that something failed, by errno, and gives -errno. */
int mv_log_fail(const char *who, const char *what);

#endif
