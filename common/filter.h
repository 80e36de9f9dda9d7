/* The terminal filter: what a task writes reaches the user's terminal as text, never as commands to it.
 *
 * Passes: printable ASCII, newline, tab, carriage return, valid UTF-8 of printable characters, and
 * colours (CSI ... m of digits and ';', without 8, concealed). Everything else becomes visible: ESC and
 * other controls as ^[ and ^X, other characters as <U+202E>, bytes that are no UTF-8 as \x9b. So
 * a title, a clipboard write, a key answer, a cursor move over an earlier line or reversed text can be
 * read, but do nothing. Carriage return stays because progress meters need it; it can rewrite only the
 * task's own line. What is left to a task is to write misleading text, which no filter can stop.
 *
 * A stream, not lines: a sequence may be cut anywhere between calls. Pure and bounded: at most
 * FILTER_HELD_MAX bytes wait for the next call. The terminal is assumed to be in UTF-8 mode. */
#ifndef COMMON_FILTER_H
#define COMMON_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FILTER_HELD_MAX = 24, /* longest colour sequence that passes; longer ones are shown */
	FILTER_GROWTH = 4     /* bytes out per byte in, at most */
};

/* What n bytes may become, held ones and the closing reset included. */
#define FILTER_ROOM(n) (FILTER_GROWTH * ((n) + FILTER_HELD_MAX) + 8)

/* All zero is the start. */
struct filter {
	bool is_coloured; /* a colour passed and was not reset */
	uint8_t held;
	uint8_t bytes[FILTER_HELD_MAX]; /* the start of a UTF-8 character or of a colour sequence */
};

/* Filters n bytes into out, which has FILTER_ROOM(n) bytes; returns how many were put there. */
size_t filter_put(struct filter *filter, const void *bytes, size_t n, uint8_t *out);
/* The stream's end: shows what is held and resets colours. out has FILTER_ROOM(0) bytes. */
size_t filter_end(struct filter *filter, uint8_t *out);

#endif
