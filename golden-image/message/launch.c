#include "golden-image/message/launch.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/rd.h"

/* Strings are ended in place: the byte after a string is the first of the next one's length, which
 * has been read by then, or the spare byte behind the message. */

struct strings {
	struct rd rd;
	uint8_t *base;       /* the message, writable */
	const uint8_t *last; /* end of the string that still lacks its NUL */
};

static void end_last(struct strings *s)
{
	if (s->last)
		s->base[s->last - s->base] = 0;
}

/* The next string, or NULL when it does not fit or holds a NUL. */
static char *next(struct strings *s)
{
	uint32_t n = rd_u32le(&s->rd);

	end_last(s);
	const uint8_t *p = rd_bytes(&s->rd, n);

	if (!p || memchr(p, 0, n)) {
		s->last = NULL;
		return NULL;
	}
	s->last = p + n;
	return (char *)s->base + (p - s->base);
}

static int take(struct strings *s, uint32_t count, char **out)
{
	for (uint32_t i = 0; i < count; i++) {
		out[i] = next(s);
		if (!out[i])
			return -EINVAL;
	}
	out[count] = NULL;
	return 0;
}

static bool is_view_root(const char *path)
{
	const char *name = path + 1;

	return path[0] == '/' && *name && !strchr(name, '/') && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

static int check(const struct launch *l, struct fault *fault)
{
	if (l->argv[0][0] != '/')
		return fault_set(fault, EINVAL, "launch: the program's path is not absolute");
	if (l->cwd[0] != '/')
		return fault_set(fault, EINVAL, "launch: the working folder is not absolute");
	for (unsigned i = 0; l->envp[i]; i++)
		if (l->envp[i][0] == '=' || !strchr(l->envp[i], '='))
			return fault_set(fault, EINVAL, "launch: environment entry %u", i);
	for (unsigned i = 0; i < l->mountc; i++)
		if (!is_view_root(l->mounts[i]))
			return fault_set(fault, EINVAL, "launch: view root %u", i);
	if (l->wall_clock_ns > INT64_MAX)
		return fault_set(fault, EINVAL, "launch: clock");
	return 0;
}

static int take_strings(struct strings *s, uint32_t argc, uint32_t envc, struct launch *out)
{
	char *cwd[2];
	char *mounts[LAUNCH_MOUNTS_MAX + 1];

	if (take(s, argc, out->argv) < 0 || take(s, envc, out->envp) < 0 || take(s, 1, cwd) < 0 ||
	    take(s, out->mountc, mounts) < 0 || s->rd.ptr != s->rd.end)
		return -EINVAL;
	end_last(s);
	out->cwd = cwd[0];
	for (unsigned i = 0; i < out->mountc; i++)
		out->mounts[i] = mounts[i];
	return 0;
}

int launch_parse(uint8_t *bytes, size_t n, struct launch *out, struct fault *fault)
{
	struct strings s = {.rd = rd_of(bytes, n), .base = bytes};
	uint32_t magic = rd_u32le(&s.rd);
	uint32_t total = rd_u32le(&s.rd);
	uint32_t argc = rd_u32le(&s.rd);
	uint32_t envc = rd_u32le(&s.rd);

	out->mountc = rd_u32le(&s.rd);
	out->uid = rd_u32le(&s.rd);
	out->wall_clock_ns = rd_u64le(&s.rd);
	const uint8_t *entropy = rd_bytes(&s.rd, MV_ENTROPY_BYTES);

	out->processes = rd_u32le(&s.rd);
	(void)rd_u32le(&s.rd); /* reserved */
	if (!entropy || magic != MV_LAUNCH_MAGIC || total != n)
		return fault_set(fault, EINVAL, "launch: header");
	memcpy(out->entropy, entropy, MV_ENTROPY_BYTES);
	if (argc < 1 || argc > MV_LAUNCH_STRINGS_MAX || envc > MV_LAUNCH_STRINGS_MAX ||
	    out->mountc > LAUNCH_MOUNTS_MAX ||
	    argc + envc + 1 + out->mountc > MV_LAUNCH_STRINGS_MAX)
		return fault_set(fault, EINVAL, "launch: counts");
	if (take_strings(&s, argc, envc, out) < 0)
		return fault_set(fault, EINVAL, "launch: strings");
	return check(out, fault);
}
