/* The items of a rule's lists: checked when a document is read, expanded for one request when it is
 * compiled. Internal to common/policy. */
#ifndef COMMON_POLICY_PATTERN_H
#define COMMON_POLICY_PATTERN_H

#include <stdbool.h>

#include "common/policy/document.h"
#include "microvisor/arbiter/policy.h"

enum pattern_use {
	PATTERN_RULE_PATH,  /* host paths below a view root */
	PATTERN_MATCH_FILE, /* host paths, or of a last component */
	PATTERN_PROGRAM,    /* guest paths */
	PATTERN_HOST,       /* host names */
	PATTERN_NETWORK,    /* host names, addresses, networks */
	PATTERN_LEVEL,      /* words */
	PATTERN_MIME,       /* "type/subtype", globs */
	PATTERN_WORD,       /* checked when it was read */
	PATTERN_ANY
};

/* Reports what is wrong with each item of a list, whose variables are resolved. */
void pattern_check(struct policy_errors *errors, const struct node *list, enum pattern_use use);
/* Whether the item stands for a variable. */
bool pattern_is_var(const char *item);
/* The variable of that item, or NULL. vars may be NULL. */
const struct node *pattern_find_var(const struct node *vars, const char *item);
/* Whether a path of a test is "~", below "~/", or absolute, and canonical. */
bool pattern_is_place(const char *path);

/* Called with each item. Stops at the first that does not return 0, and returns that. */
typedef int item_fn(void *context, const char *item);
int pattern_items(const struct node *list, item_fn *fn, void *context);

/* One pattern of the compiled table: kind is enum mv_pattern_kind; text has n bytes. given: it is one of
 * the request's files. */
struct pattern {
	unsigned kind;
	bool given;
	const char *text;
	size_t n;
};

typedef int pattern_fn(void *context, const struct pattern *pattern);
/* Called with each path pattern of the list for this request. As pattern_items(); -EINVAL for a home that
 * would act as a glob, -ENAMETOOLONG for a path over MV_PATH_MAX. */
int pattern_expand(const struct policy_request *request, const struct node *list, pattern_fn *fn,
		   void *context);
/* The same for one item. */
int pattern_expand_item(const struct policy_request *request, const char *item, pattern_fn *fn,
			void *context);
/* Writes "~..." with the home in front; -ENAMETOOLONG. Other paths are copied. */
int pattern_home(const char *path, const char *home, char ret_path[MV_PATH_MAX]);

#endif
