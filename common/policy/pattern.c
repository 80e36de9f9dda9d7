#include "common/policy/pattern.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/policy/network.h"
#include "common/policy/report.h"

/* A name on the host is never a pattern: what stands for a real file ({file}) becomes an exact pattern,
 * and a home is put in front of a glob only when it has no wildcard itself. */

#define WILDCARDS "*?"

enum {
	QUOTED = 96
};

bool pattern_is_var(const char *item)
{
	size_t n = strlen(item);

	return n > 3 && item[0] == '$' && item[1] == '{' && item[n - 1] == '}';
}

const struct node *pattern_find_var(const struct node *vars, const char *item)
{
	char name[MV_NAME_MAX];
	size_t n = strlen(item) - 3;

	if (!vars || n >= sizeof(name))
		return NULL;
	memcpy(name, item + 2, n);
	name[n] = '\0';
	return node_find(vars, name);
}

int pattern_items(const struct node *list, item_fn *fn, void *context)
{
	int r = 0;

	for (const struct node *item = list->first; item && r == 0; item = item->next)
		r = fn(context, item->text);
	return r;
}

/* Without empty, "." and ".." components; a "/" at the end is the caller's. */
static bool is_canonical(const char *path)
{
	const char *at = path;

	while (*at == '/') {
		size_t n = strcspn(at + 1, "/");

		if (n == 0)
			return at[1] == '\0' && at != path;
		if ((n == 1 && at[1] == '.') || (n == 2 && at[1] == '.' && at[2] == '.'))
			return false;
		at += 1 + n;
	}
	return *at == '\0';
}

/* Begins with one of the folders that a view has. */
static bool is_in_view(const char *path)
{
	static const char *const roots[] = {"/home", "/media", "/mnt", "/srv"};

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		size_t n = strlen(roots[i]);

		if (!strncmp(path, roots[i], n) && (path[n] == '/' || path[n] == '\0'))
			return true;
	}
	return false;
}

bool pattern_is_place(const char *path)
{
	if (path[0] == '~')
		return path[1] == '\0' || (path[1] == '/' && (!path[2] || is_canonical(path + 1)));
	return path[0] == '/' && path[1] && is_canonical(path);
}

/* What is wrong with a path pattern, or NULL. */
static const char *path_problem(const char *item)
{
	if (strchr(item, '{') || strchr(item, '}'))
		return "\"{file}\" and \"${name}\" stand alone, as a whole item";
	if (strstr(item, "***"))
		return "at most two stars together";
	if (item[0] == '~' && item[1] && item[1] != '/')
		return "only the starting user's home: \"~/\"";
	if (item[0] != '/' && item[0] != '~')
		return "must begin with \"/\" or \"~/\"";
	if (!pattern_is_place(item))
		return "must be canonical: no empty, \".\" or \"..\" component";
	return NULL;
}

static const char *rule_problem(const char *item)
{
	if (!strcmp(item, "{file}"))
		return NULL;
	const char *problem = path_problem(item);

	if (!problem && item[0] == '/' && !is_in_view(item))
		return "can never match: a view has /home, /media, /mnt and /srv only";
	return problem;
}

static const char *match_problem(const char *item)
{
	if (strchr(item, '/'))
		return path_problem(item);
	if (strstr(item, "***"))
		return "at most two stars together";
	if (item[0] == '~' || strchr(item, '{') || strchr(item, '}'))
		return "a pattern of a last component, or a path that begins with \"/\" or \"~/\"";
	return NULL;
}

static const char *program_problem(const char *item)
{
	size_t n = strlen(item);

	if (item[0] != '/')
		return "must be an absolute path in the guest";
	if (strstr(item, "***"))
		return "at most two stars together";
	if (!item[1] || item[n - 1] == '/' || !is_canonical(item))
		return "must be canonical: no empty, \".\" or \"..\" component, no \"/\" at the "
		       "end";
	return NULL;
}

static const char *host_problem(const char *item)
{
	if (!strcmp(item, "*"))
		return NULL;
	if (!strncmp(item, "*.", 2))
		item += 2;
	size_t n = strlen(item);

	if (n == 0 || n > 253 || strspn(item, "abcdefghijklmnopqrstuvwxyz0123456789-.") != n ||
	    item[0] == '.' || item[n - 1] == '.' || strstr(item, ".."))
		return "no host name: lower case, \"*.\" only in front";
	if (network_is_meant(item))
		return "no host name: its last label is a number";
	return NULL;
}

static const char *network_problem(const char *item)
{
	struct network network;

	if (!network_is_meant(item))
		return host_problem(item);
	return network_parse(item, &network)
		       ? NULL
		       : "no network: 10.0.0.0/8 or 2001:db8::/32, and no bit set behind "
			 "the prefix";
}

static const char *mime_problem(const char *item)
{
	size_t n = strlen(item), type = strcspn(item, "/");

	if (!strcmp(item, "*"))
		return NULL;
	if (type == 0 || type + 1 >= n || strchr(item + type + 1, '/') ||
	    strspn(item, "abcdefghijklmnopqrstuvwxyz0123456789.+-*/") != n)
		return "no type of contents: text/plain, image/*";
	return NULL;
}

static const char *level_problem(const char *item)
{
	size_t n = strlen(item);

	if (n >= MV_NAME_MAX || strspn(item, "abcdefghijklmnopqrstuvwxyz0123456789-") != n)
		return "no id: 1 to 63 of a-z, 0-9 and -";
	return NULL;
}

/* Nobody sees a newline in a path when reading a policy. */
static bool has_control(const char *item)
{
	for (; *item; item++) {
		if ((unsigned char)*item < 0x20 || *item == 0x7f)
			return true;
	}
	return false;
}

static const char *problem_of(const char *item, enum pattern_use use)
{
	if (has_control(item))
		return "a control character: write \"?\" in its place";
	switch (use) {
	case PATTERN_RULE_PATH:
		return rule_problem(item);
	case PATTERN_MATCH_FILE:
		return match_problem(item);
	case PATTERN_PROGRAM:
		return program_problem(item);
	case PATTERN_HOST:
		return host_problem(item);
	case PATTERN_NETWORK:
		return network_problem(item);
	case PATTERN_MIME:
		return mime_problem(item);
	case PATTERN_LEVEL:
		return level_problem(item);
	case PATTERN_WORD:
	case PATTERN_ANY:
		break;
	}
	return NULL;
}

static void check_item(struct policy_errors *errors, const struct node *item, enum pattern_use use)
{
	const char *problem = problem_of(item->text, use);
	char quoted[QUOTED];

	if (problem)
		report(errors, item, "\"%s\": %s",
		       log_quote(quoted, sizeof(quoted), item->text, strlen(item->text)), problem);
}

void pattern_check(struct policy_errors *errors, const struct node *list, enum pattern_use use)
{
	for (const struct node *item = list->first; item; item = item->next)
		check_item(errors, item, use);
}

int pattern_home(const char *path, const char *home, char ret_path[MV_PATH_MAX])
{
	const char *prefix = path[0] == '~' ? home : "";
	const char *rest = path[0] == '~' ? path + 1 : path;
	size_t n = strlen(prefix), m = strlen(rest);

	if (n + m >= MV_PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(ret_path, prefix, n);
	memcpy(ret_path + n, rest, m + 1);
	return 0;
}

struct expansion {
	const struct policy_request *request;
	pattern_fn *fn;
	void *context;
};

static int emit(const struct expansion *e, unsigned kind, bool given, const char *text)
{
	struct pattern pattern = {.kind = kind, .given = given, .text = text, .n = strlen(text)};

	return e->fn(e->context, &pattern);
}

static int expand_files(const struct expansion *e)
{
	int r = 0;

	for (size_t i = 0; i < e->request->file_count && r == 0; i++)
		r = emit(e, MV_PATTERN_EXACT, true, e->request->files[i]);
	return r;
}

/* "/a/b?/": the folders that match, and what is below them. */
static int expand_glob(const struct expansion *e, char path[MV_PATH_MAX], size_t n)
{
	if (path[n - 1] != '/')
		return emit(e, MV_PATTERN_GLOB, false, path);
	path[n - 1] = '\0';
	int r = emit(e, MV_PATTERN_GLOB, false, path);

	if (r == 0 && n + 3 > MV_PATH_MAX)
		return -ENAMETOOLONG;
	if (r == 0) {
		memcpy(path + n - 1, "/**", 4);
		r = emit(e, MV_PATTERN_GLOB, false, path);
	}
	return r;
}

static int expand_item(void *context, const char *item)
{
	const struct expansion *e = context;
	char path[MV_PATH_MAX];

	if (!strcmp(item, "{file}"))
		return expand_files(e);
	int r = pattern_home(item, e->request->home, path);

	if (r < 0)
		return r;
	size_t n = strlen(path);

	if (strpbrk(item, WILDCARDS)) {
		if (item[0] == '~' && strpbrk(e->request->home, WILDCARDS))
			return -EINVAL;
		return expand_glob(e, path, n);
	}
	if (path[n - 1] != '/')
		return emit(e, MV_PATTERN_EXACT, false, path);
	path[n - 1] = '\0';
	return emit(e, MV_PATTERN_SUBTREE, false, path);
}

int pattern_expand(const struct policy_request *request, const struct node *list, pattern_fn *fn,
		   void *context)
{
	struct expansion e = {.request = request, .fn = fn, .context = context};

	return pattern_items(list, expand_item, &e);
}

int pattern_expand_item(const struct policy_request *request, const char *item, pattern_fn *fn,
			void *context)
{
	struct expansion e = {.request = request, .fn = fn, .context = context};

	return expand_item(&e, item);
}
