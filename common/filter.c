#include "common/filter.h"

#include <stdio.h>
#include <string.h>

/* Held bytes are always a proper prefix of something that might pass: ESC, ESC [, ESC [ digits, or an
 * unfinished UTF-8 character. As soon as the next byte decides, they are passed whole or shown. */

enum {
	ESC = 0x1b,
	DEL = 0x7f
};

struct out {
	size_t n;
	uint8_t *bytes;
};

static void put(struct out *o, const void *bytes, size_t n)
{
	memcpy(o->bytes + o->n, bytes, n);
	o->n += n;
}

/* One ASCII byte: as it is, or in caret notation. */
static void put_ascii(struct out *o, uint8_t c)
{
	uint8_t caret[2] = {'^', c ^ 0x40};
	bool passes = (c >= ' ' && c != DEL) || c == '\n' || c == '\t' || c == '\r';

	put(o, passes ? &c : caret, passes ? 1 : 2);
}

static void put_byte_shown(struct out *o, uint8_t c)
{
	char text[8];

	put(o, text, (size_t)snprintf(text, sizeof(text), "\\x%02x", c));
}

/* Ranges of Unicode that a terminal acts on, that change the order of text or that cannot be seen.
 * Joiners (U+200C, U+200D) stay: scripts and emoji need them. */
static const struct {
	uint32_t first, last;
} SHOWN[] = {
	{0x0080, 0x009f},    /* C1 controls: CSI, OSC, DCS in one character */
	{0x00ad, 0x00ad},    /* soft hyphen */
	{0x061c, 0x061c},    /* Arabic letter mark */
	{0x180e, 0x180e},    /* Mongolian vowel separator */
	{0x200b, 0x200b},    /* zero width space */
	{0x200e, 0x200f},    /* direction marks */
	{0x2028, 0x202e},    /* line and paragraph separators, embeddings, overrides */
	{0x2060, 0x206f},    /* invisible operators, isolates, deprecated formats */
	{0xfdd0, 0xfdef},    /* non-characters */
	{0xfeff, 0xfeff},    /* byte order mark */
	{0xfff0, 0xfffb},    /* specials, interlinear annotation */
	{0xfffe, 0xffff},    /* non-characters */
	{0x1d173, 0x1d17a},  /* invisible musical controls */
	{0xe0000, 0x10ffff}, /* tags, which can hide a whole text; private use */
};

static bool is_shown(uint32_t c)
{
	for (size_t i = 0; i < sizeof(SHOWN) / sizeof(SHOWN[0]); i++)
		if (c >= SHOWN[i].first && c <= SHOWN[i].last)
			return true;
	return false;
}

/* The characters of more than one byte (RFC 3629): their first byte, their length, and what the second byte
 * may be. No overlong form, surrogate or number past U+10FFFF gets beyond it. */
static const struct start {
	uint8_t first, last;
	uint8_t bytes;
	uint8_t low, high;
} STARTS[] = {
	{0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf}, {0xe1, 0xec, 3, 0x80, 0xbf},
	{0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf}, {0xf0, 0xf0, 4, 0x90, 0xbf},
	{0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

/* NULL for a byte that starts none. */
static const struct start *find_start(uint8_t c)
{
	for (size_t i = 0; i < sizeof(STARTS) / sizeof(STARTS[0]); i++)
		if (c >= STARTS[i].first && c <= STARTS[i].last)
			return &STARTS[i];
	return NULL;
}

static void put_character(struct filter *f, struct out *o)
{
	uint32_t c = f->bytes[0] & (0x7fu >> f->held);
	char text[16];

	for (unsigned i = 1; i < f->held; i++)
		c = c << 6 | (f->bytes[i] & 0x3f);
	if (is_shown(c))
		put(o, text, (size_t)snprintf(text, sizeof(text), "<U+%04X>", c));
	else
		put(o, f->bytes, f->held);
	f->held = 0;
}

/* Makes what is held visible: it turned out not to pass. */
static void show_held(struct filter *f, struct out *o)
{
	for (unsigned i = 0; i < f->held; i++) {
		if (f->bytes[i] < 0x80)
			put_ascii(o, f->bytes[i]);
		else
			put_byte_shown(o, f->bytes[i]);
	}
	f->held = 0;
}

/* Whether the held colour sequence, complete but for its m, conceals text (parameter 8). The colour
 * after 38, 48 or 58 may hold any number, and is not worth telling apart: it is shown as well. */
static bool conceals(const struct filter *f)
{
	unsigned value = 0;

	for (unsigned i = 2; i < f->held; i++) {
		if (f->bytes[i] == ';') {
			if (value == 8)
				return true;
			value = 0;
		} else if (value < 1000) {
			value = value * 10 + (f->bytes[i] - '0');
		}
	}
	return value == 8;
}

static bool is_reset(const struct filter *f)
{
	return f->held == 2 || (f->held == 3 && f->bytes[2] == '0');
}

/* One byte after ESC. True when it belongs to a colour sequence and was used. */
static bool take_colour(struct filter *f, uint8_t c, struct out *o)
{
	if (f->held == 1 ? c == '[' : (c >= '0' && c <= '9') || c == ';') {
		if (f->held == FILTER_HELD_MAX)
			return false;
		f->bytes[f->held++] = c;
		return true;
	}
	if (f->held < 2 || c != 'm' || conceals(f))
		return false;
	f->is_coloured = !is_reset(f);
	put(o, f->bytes, f->held);
	put(o, "m", 1);
	f->held = 0;
	return true;
}

/* One byte after the start of a character. True when it continues it and was used. */
static bool take_continuation(struct filter *f, uint8_t c, struct out *o)
{
	const struct start *start = find_start(f->bytes[0]);
	bool is_second = f->held == 1;

	if (c < (is_second ? start->low : 0x80) || c > (is_second ? start->high : 0xbf))
		return false;
	f->bytes[f->held++] = c;
	if (f->held == start->bytes)
		put_character(f, o);
	return true;
}

static void put_byte(struct filter *f, uint8_t c, struct out *o)
{
	if (f->held > 0) {
		if (f->bytes[0] == ESC ? take_colour(f, c, o) : take_continuation(f, c, o))
			return;
		show_held(f, o);
	}
	if (c == ESC || find_start(c))
		f->bytes[f->held++] = c;
	else if (c < 0x80)
		put_ascii(o, c);
	else
		put_byte_shown(o, c);
}

size_t filter_put(struct filter *f, const void *bytes, size_t n, uint8_t *out)
{
	struct out o = {0};

	o.bytes = out;
	for (size_t i = 0; i < n; i++)
		put_byte(f, ((const uint8_t *)bytes)[i], &o);
	return o.n;
}

size_t filter_end(struct filter *f, uint8_t *out)
{
	struct out o = {0};

	o.bytes = out;
	show_held(f, &o);
	if (f->is_coloured)
		put(&o, "\033[m", 3);
	f->is_coloured = false;
	return o.n;
}
