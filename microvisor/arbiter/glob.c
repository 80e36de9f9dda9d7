#include "microvisor/arbiter/glob.h"

#include <stdint.h>
#include <string.h>

#include "microvisor/arbiter/access.h"

/* The pattern is run as a nondeterministic automaton: a state is an index into it, meaning "the rest
 * from here is still to match". Sets of states are lists without duplicates, so that no pattern is
 * exponential; an ordinary one has one or two states at a time. */
struct run {
	const char *pattern;
	size_t bytes;
	size_t count;                       /* of now */
	uint16_t lists[2][MV_PATH_MAX + 1]; /* the set now and the next one, in turn */
	uint16_t seen[MV_PATH_MAX + 1];     /* step in which a state was last added */
	uint16_t arrived[MV_PATH_MAX + 1];  /* and in which its stars were last passed over */
	uint16_t *now;
	uint16_t *next;
};

static size_t star_count(const struct run *run, size_t at)
{
	size_t end = at;

	while (end < run->bytes && run->pattern[end] == '*')
		end++;
	return end - at;
}

static size_t push(struct run *run, uint16_t *list, size_t count, size_t at, uint16_t step)
{
	if (run->seen[at] == step)
		return count;
	run->seen[at] = step;
	list[count] = (uint16_t)at;
	return count + 1;
}

/* Adds a state that was just arrived at, and those reached from it without a byte. Returns the new size
 * of the list. */
static size_t arrive(struct run *run, uint16_t *list, size_t count, size_t at, uint16_t step)
{
	while (run->arrived[at] != step) {
		size_t stars = star_count(run, at);
		size_t after = at + stars;

		run->arrived[at] = step;
		count = push(run, list, count, at, step);
		if (stars == 0)
			break;
		if (stars > 1 && at > 0 && run->pattern[at - 1] == '/' && after < run->bytes &&
		    run->pattern[after] == '/') {
			/* no component at all: the slash behind the stars is the one before them */
			count = push(run, list, count, after, step);
			after++;
		}
		at = after;
	}
	return count;
}

static void start(struct run *run, const char *pattern, size_t bytes)
{
	run->pattern = pattern;
	run->bytes = bytes;
	run->now = run->lists[0];
	run->next = run->lists[1];
	memset(run->seen, 0, (bytes + 1) * sizeof(run->seen[0]));
	memset(run->arrived, 0, (bytes + 1) * sizeof(run->arrived[0]));
	run->count = arrive(run, run->now, 0, 0, 1);
}

static void feed(struct run *run, char byte, uint16_t step)
{
	size_t count = 0;

	for (size_t i = 0; i < run->count; i++) {
		size_t at = run->now[i];

		if (at == run->bytes)
			continue;
		char want = run->pattern[at];

		if (want == '*') {
			size_t stars = star_count(run, at);

			if (byte == '/' && stars == 1)
				continue;
			count = push(run, run->next, count, at, step);
			count = arrive(run, run->next, count, at + stars, step);
		} else if (want == byte || (want == '?' && byte != '/')) {
			count = arrive(run, run->next, count, at + 1, step);
		}
	}
	uint16_t *done = run->now;

	run->now = run->next;
	run->next = done;
	run->count = count;
}

/* False when no state is left before the end of the text. Step 1 is the start. */
static bool feed_all(struct run *run, const char *text, size_t n, size_t steps_before)
{
	for (size_t i = 0; i < n && run->count > 0; i++)
		feed(run, text[i], (uint16_t)(steps_before + i + 2));
	return run->count > 0;
}

size_t mv_glob_literal(const char *pattern, size_t pattern_bytes)
{
	size_t n = 0;

	while (n < pattern_bytes && pattern[n] != '*' && pattern[n] != '?')
		n++;
	return n;
}

/* Bytes behind the last wildcard, which stand at the end of whatever matches. */
static size_t literal_end(const char *pattern, size_t pattern_bytes)
{
	size_t at = pattern_bytes;

	while (at > 0 && pattern[at - 1] != '*' && pattern[at - 1] != '?')
		at--;
	return pattern_bytes - at;
}

bool mv_glob_matches(const char *pattern, size_t pattern_bytes, const char *text, size_t n)
{
	size_t literal = mv_glob_literal(pattern, pattern_bytes);
	__attribute__((uninitialized)) struct run
		run; /* 32 KiB: zeroing it would cost more than the match */

	if (pattern_bytes > MV_PATH_MAX || n > MV_PATH_MAX || n < literal ||
	    memcmp(pattern, text, literal) != 0)
		return false;
	size_t end = literal_end(pattern, pattern_bytes);

	if (n < end || memcmp(pattern + pattern_bytes - end, text + n - end, end) != 0)
		return false;
	start(&run, pattern, pattern_bytes);
	if (!feed_all(&run, text, n, 0))
		return false;
	return run.seen[pattern_bytes] == (uint16_t)(n + 1);
}

bool mv_glob_may_hold(const char *pattern, size_t pattern_bytes, const char *folder, size_t n)
{
	size_t literal = mv_glob_literal(pattern, pattern_bytes);
	__attribute__((uninitialized)) struct run run;

	if (n == 1 && folder[0] == '/')
		n = 0;
	if (pattern_bytes > MV_PATH_MAX || n >= MV_PATH_MAX ||
	    memcmp(pattern, folder, n < literal ? n : literal) != 0)
		return false;
	start(&run, pattern, pattern_bytes);
	if (!feed_all(&run, folder, n, 0) || !feed_all(&run, "/", 1, n))
		return false;
	/* a match that ends with the slash selects nothing below it */
	return run.count > 1 || run.now[0] != pattern_bytes;
}
