#include "server/rest/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/layers.h"

static int read_stored(const struct srv_rows *rows, size_t i, struct srv_plan_document *out,
		       struct err *err)
{
	struct policy_errors errors;
	const uint8_t *bytes = srv_rows_bytes(rows, i, SRV_LAYER_DOCUMENT, &out->layer.n);

	out->layer.yaml = (const char *)bytes;
	out->layer.name = srv_rows_text(rows, i, SRV_LAYER_ID);
	out->managed = srv_rows_text(rows, i, SRV_LAYER_MANAGED);
	if (policy_read_head(&out->layer, &out->head, &errors) == 0)
		return 0;
	return err_set(err, -EBADMSG, "stored layer '%s', line %d: %s", out->layer.name,
		       errors.list[0].line, errors.list[0].text);
}

int srv_plan_new(const struct srv_rows *stored, struct srv_plan **ret_plan, struct err *err)
{
	struct srv_plan *plan = calloc(1, sizeof(*plan));
	size_t n = srv_rows_count(stored);
	int r = n > SRV_PLAN_DOCUMENTS_MAX ? -EFBIG : 0;

	if (plan)
		plan->list =
			calloc(SRV_PLAN_DOCUMENTS_MAX + POLICY_LAYERS_MAX, sizeof(*plan->list));
	if (!plan || !plan->list)
		r = -ENOMEM;
	if (r < 0)
		(void)err_set(err, r, "%zu stored layers: %s", n, strerror(-r));
	for (size_t i = 0; i < n && r == 0; i++) {
		r = read_stored(stored, i, &plan->list[i], err);
		plan->count = i + 1;
	}
	if (r < 0)
		srv_plan_free(plan);
	else
		*ret_plan = plan;
	return r;
}

void srv_plan_free(struct srv_plan *plan)
{
	if (!plan)
		return;
	free(plan->list);
	free(plan);
}

static struct srv_plan_document *find(struct srv_plan *plan, const char *id)
{
	for (size_t i = 0; i < plan->count; i++) {
		if (!strcmp(plan->list[i].head.id, id))
			return &plan->list[i];
	}
	return NULL;
}

static int by_id(const void *left, const void *right)
{
	const struct srv_plan_document *a = left, *b = right;

	return strcmp(a->head.id, b->head.id);
}

static bool is_same(const struct policy_layer *a, const struct policy_layer *b)
{
	return a->n == b->n && !memcmp(a->yaml, b->yaml, a->n);
}

static int put_one(struct srv_plan *plan, const struct policy_layer *layer,
		   struct policy_errors *errors)
{
	struct srv_plan_document new = {.layer = *layer, .managed = "none", .given = true};
	int r = policy_read_head(layer, &new.head, errors);

	if (r < 0)
		return r;
	struct srv_plan_document *old = find(plan, new.head.id);

	if (old && old->given && old->layer.name == NULL) {
		*errors = (struct policy_errors){.count = 1};
		errors->list[0].line = layer->line_before + 1;
		(void)snprintf(errors->list[0].text, sizeof(errors->list[0].text),
			       "document \"%s\" is in this file twice", new.head.id);
		return -EINVAL;
	}
	if (!old && plan->count == SRV_PLAN_DOCUMENTS_MAX)
		return -EFBIG;
	if (old && is_same(&old->layer, layer))
		return 0;
	if (old)
		new.managed = old->managed;
	*(old ? old : &plan->list[plan->count++]) = new;
	return 0;
}

int srv_plan_put(struct srv_plan *plan, const char *yaml, size_t n, struct policy_errors *errors,
		 struct err *err)
{
	cleanup_free struct policy_layer *layers = calloc(POLICY_LAYERS_MAX, sizeof(*layers));
	int r = layers ? 0 : -ENOMEM;

	if (r < 0)
		return err_set(err, r, "out of memory");
	size_t count = policy_split(yaml, n, layers, POLICY_LAYERS_MAX);

	if (count > POLICY_LAYERS_MAX)
		r = -EFBIG;
	for (size_t i = 0; i < count && r == 0; i++)
		r = put_one(plan, &layers[i], errors);
	qsort(plan->list, plan->count, sizeof(*plan->list), by_id);
	return r == -EFBIG ? err_set(err, r, "too many documents") : r;
}

int srv_plan_remove(struct srv_plan *plan, const char *id)
{
	struct srv_plan_document *old = find(plan, id);

	if (!old)
		return -ENOENT;
	(void)snprintf(plan->removed, sizeof(plan->removed), "%s", id);
	size_t at = (size_t)(old - plan->list);

	plan->count--;
	memmove(old, old + 1, (plan->count - at) * sizeof(*old));
	return 0;
}

static size_t add_kind(const struct srv_plan *plan, enum policy_kind kind, const char *group,
		       uint64_t now_s, struct policy_layer *layers, size_t count)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct srv_plan_document *d = &plan->list[i];

		if (d->head.kind != kind || (group && strcmp(d->head.group, group) != 0) ||
		    (kind == POLICY_KIND_EXCEPTION && d->head.until_s <= now_s))
			continue;
		if (count < POLICY_LAYERS_MAX)
			layers[count] = d->layer;
		count++;
	}
	return count;
}

size_t srv_plan_layers(const struct srv_plan *plan, const struct srv_rows *ways, size_t first,
		       size_t end, uint64_t now_s, struct policy_layer *layers)
{
	size_t count = add_kind(plan, POLICY_KIND_BASE, NULL, now_s, layers, 0);

	for (size_t i = first; i < end; i++)
		count = add_kind(plan, POLICY_KIND_DELTA, srv_rows_text(ways, i, SRV_WAY_ABOVE),
				 now_s, layers, count);
	return add_kind(plan, POLICY_KIND_EXCEPTION, NULL, now_s, layers, count);
}
