#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/policy/arena.h"
#include "common/policy/policy.h"

/* Items are the same when task, class and id are. Both sides are sorted by that name and met; what is on both
 * sides has moved when it is not in the longest run of items that kept their order. */

struct entry {
	struct policy_item item; /* its text is the side's own copy */
	size_t order;
	size_t partner; /* place in the other side's list, or SIZE_MAX */
	bool kept;      /* its order among its kind */
};

struct side {
	struct arena arena;
	struct entry *list; /* by order */
	size_t count;
	size_t room;
	struct entry **by_name;
};

static int add_item(void *context, const struct policy_item *item)
{
	struct side *side = context;

	if (side->count == side->room) {
		size_t room = side->room ? 2 * side->room : 64;
		struct entry *list = reallocarray(side->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		side->list = list;
		side->room = room;
	}
	struct entry *entry = &side->list[side->count];

	*entry = (struct entry){.item = *item, .order = side->count, .partner = SIZE_MAX};
	entry->item.text = arena_copy(&side->arena, item->text, strlen(item->text));
	if (!entry->item.text)
		return -ENOMEM;
	side->count++;
	return 0;
}

/* An ingress or a setting may be there for more than one layer; its document then tells them apart. */
static int compare(const struct entry *a, const struct entry *b)
{
	int r = strcmp(a->item.task, b->item.task);

	if (r == 0)
		r = strcmp(a->item.class, b->item.class);
	if (r == 0)
		r = strcmp(a->item.id, b->item.id);
	if (r == 0 && (!strcmp(a->item.class, "agent") || !strcmp(a->item.class, "ingress")))
		r = strcmp(a->item.document, b->item.document);
	return r;
}

static int by_name(const void *left, const void *right)
{
	const struct entry *const *a = left, *const *b = right;

	return compare(*a, *b);
}

static int fill(struct side *side, const struct policy *policy)
{
	int r = policy ? policy_items(policy, add_item, side) : 0;

	if (r < 0)
		return r;
	side->by_name = calloc(side->count + 1, sizeof(struct entry *));
	if (!side->by_name)
		return -ENOMEM;
	for (size_t i = 0; i < side->count; i++)
		side->by_name[i] = &side->list[i];
	if (side->count)
		qsort(side->by_name, side->count, sizeof(struct entry *), by_name);
	return 0;
}

static void release(struct side *side)
{
	free(side->list);
	free(side->by_name);
	arena_release(&side->arena);
}

static void meet(struct side *old, struct side *new)
{
	for (size_t i = 0, k = 0; i < old->count && k < new->count;) {
		int r = compare(old->by_name[i], new->by_name[k]);

		if (r == 0) {
			old->by_name[i]->partner = new->by_name[k]->order;
			new->by_name[k]->partner = old->by_name[i]->order;
		}
		i += r <= 0;
		k += r >= 0;
	}
}

/* Marks a longest run of new items whose old places rise (patience sorting). */
static int mark_kept(struct side *new)
{
	size_t *tails = calloc(new->count + 1, sizeof(*tails)); /* places in new->list */
	size_t *before = calloc(new->count + 1, sizeof(*before));
	size_t length = 0;

	if (!tails || !before) {
		free(tails);
		free(before);
		return -ENOMEM;
	}
	for (size_t i = 0; i < new->count; i++) {
		size_t low = 0, high = length;

		if (new->list[i].partner == SIZE_MAX)
			continue;
		while (low < high) {
			size_t middle = (low + high) / 2;

			if (new->list[tails[middle]].partner < new->list[i].partner)
				low = middle + 1;
			else
				high = middle;
		}
		before[i] = low ? tails[low - 1] : SIZE_MAX;
		tails[low] = i;
		length = low == length ? length + 1 : length;
	}
	for (size_t at = length ? tails[length - 1] : SIZE_MAX; at != SIZE_MAX; at = before[at])
		new->list[at].kept = true;
	free(tails);
	free(before);
	return 0;
}

static int tell(const struct side *old, const struct side *new, policy_diff_fn *fn, void *context)
{
	int r = 0;

	for (size_t i = 0; i < old->count && r == 0; i++) {
		if (old->list[i].partner == SIZE_MAX)
			r = fn(context, POLICY_REMOVED, &old->list[i].item, NULL);
	}
	for (size_t i = 0; i < new->count &&r == 0; i++) {
		const struct entry *entry = &new->list[i];

		if (entry->partner == SIZE_MAX) {
			r = fn(context, POLICY_ADDED, NULL, &entry->item);
			continue;
		}
		const struct entry *was = &old->list[entry->partner];

		if (strcmp(was->item.text, entry->item.text) != 0)
			r = fn(context, POLICY_CHANGED, &was->item, &entry->item);
		else if (!entry->kept)
			r = fn(context, POLICY_MOVED, &was->item, &entry->item);
	}
	return r;
}

int policy_diff(const struct policy *old, const struct policy *new, policy_diff_fn *fn,
		void *context)
{
	struct side a = {0}, b = {0};
	int r = fill(&a, old);

	if (r == 0)
		r = fill(&b, new);
	if (r == 0) {
		meet(&a, &b);
		r = mark_kept(&b);
	}
	if (r == 0)
		r = tell(&a, &b, fn, context);
	release(&a);
	release(&b);
	return r;
}
