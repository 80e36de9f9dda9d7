#include "microvisor/arbiter/glob.h"

#include <stdint.h>
#include <string.h>

#include "microvisor/arbiter/access.h"

/* The pattern is run as a nondeterministic automaton: a state is an index into it, meaning "the rest
 * from here is still to match". The states of one moment are a set, so that no pattern is exponential.
 * A byte leads from a state to itself or to later ones only: the set is turned into the next one in
 * place, from its end. */
enum {
	HELD = 1,   /* in the set */
	PASSED = 2, /* arrived at in this step, so that its stars were passed over already */
};

struct run {
	const char *pattern;
	size_t bytes;
	size_t first; /* no state before it is held any more */
	uint8_t states[MV_PATH_MAX + 1];
};

static size_t star_count(const struct run *run, size_t at)
{
	size_t end = at;

	while (end < run->bytes && run->pattern[end] == '*')
		end++;
	return end - at;
}

/* Adds a state that was just arrived at, and those reached from it without a byte. */
static void arrive(struct run *run, size_t at)
{
	while (!(run->states[at] & PASSED)) {
		size_t stars = star_count(run, at);
		size_t after = at + stars;

		run->states[at] = HELD | PASSED;
		if (stars > 1 && at > 0 && run->pattern[at - 1] == '/' && after < run->bytes &&
		    run->pattern[after] == '/') {
			/* no component at all: the slash behind the stars is the one before them */
			run->states[after] |= HELD;
			after++;
		}
		at = after;
	}
}

/* Whether any state is left behind the byte. */
static bool feed(struct run *run, char byte)
{
	bool any = false;

	for (size_t at = run->bytes + 1; at-- > run->first;) {
		bool held = run->states[at];

		run->states[at] = 0;
		if (!held || at == run->bytes)
			continue;
		char want = run->pattern[at];
		size_t stars = star_count(run, at);

		if (stars > 0 ? stars == 1 && byte == '/'
			      : want != byte && (want != '?' || byte == '/'))
			continue;
		any = true;
		arrive(run, at + (stars > 0 ? stars : 1));
		if (stars > 0)
			run->states[at] |= HELD;
	}
	return any;
}

/* Runs the pattern, whose first bytes match the text's already, over the rest of the text. Whether any state is
 * left. */
static bool feed_all(struct run *run, const char *pattern, size_t bytes, const char *text, size_t n,
		     size_t matched)
{
	run->pattern = pattern;
	run->bytes = bytes;
	run->first = matched;
	memset(run->states + matched, 0, bytes + 1 - matched);
	arrive(run, matched);
	for (size_t i = matched; i < n; i++) {
		if (!feed(run, text[i]))
			return false;
	}
	return true;
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
	/* Zeroing all of it would cost more than the match. */
	__attribute__((uninitialized)) struct run run;

	if (pattern_bytes > MV_PATH_MAX || n > MV_PATH_MAX || n < literal ||
	    memcmp(pattern, text, literal) != 0)
		return false;
	size_t end = literal_end(pattern, pattern_bytes);

	if (n < end || memcmp(pattern + pattern_bytes - end, text + n - end, end) != 0)
		return false;
	return feed_all(&run, pattern, pattern_bytes, text, n, literal) &&
	       run.states[pattern_bytes];
}

bool mv_glob_may_hold(const char *pattern, size_t pattern_bytes, const char *folder, size_t n)
{
	size_t literal = mv_glob_literal(pattern, pattern_bytes);
	__attribute__((uninitialized)) struct run run;

	if (n == 1 && folder[0] == '/')
		n = 0;
	if (n < literal)
		literal = n;
	if (pattern_bytes > MV_PATH_MAX || n >= MV_PATH_MAX ||
	    memcmp(pattern, folder, literal) != 0)
		return false;
	if (!feed_all(&run, pattern, pattern_bytes, folder, n, literal) || !feed(&run, '/'))
		return false;
	/* A match that ends with the slash selects nothing below it. */
	for (size_t at = literal; at < pattern_bytes; at++) {
		if (run.states[at])
			return true;
	}
	return false;
}
