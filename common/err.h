/* An error that a person will read: a negative errno and one sentence, set once, close to the cause. */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

struct err {
	int code;       /* negative errno, 0 when nothing is wrong */
	char text[512]; /* what was wrong, where, and what to do; one line, no trailing newline */
};

/* Sets *err, unless err is NULL, and returns code, so that `return err_set(err, -EINVAL, ...)` works.
 * A text that is too long is cut. code must be negative. */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " in front of the text, for callers who know the place better. */
int err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
