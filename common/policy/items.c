#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/policy/class.h"
#include "common/policy/document.h"
#include "common/policy/field.h"
#include "common/policy/merge.h"
#include "common/policy/policy.h"
#include "common/policy/scalar.h"

/* One spelling for each thing, whatever the document's: keys in the order of the field table, sizes in bytes,
 * variables resolved, settings applied, defaults written out. */

enum {
	QUOTED = 2 * MV_PATH_MAX
};

struct walk {
	const struct policy *policy;
	policy_item_fn *fn;
	void *context;
	const char *task;
	struct buf text; /* of the item that is made */
};

static int put_list(struct buf *out, const struct node *list)
{
	cleanup_free char *quoted = malloc(QUOTED);
	int r = quoted ? buf_printf(out, "[") : -ENOMEM;

	for (const struct node *item = list->first; item && r == 0; item = item->next)
		r = buf_printf(out, "%s\"%s\"", item == list->first ? "" : ", ",
			       log_quote(quoted, QUOTED, item->text, strlen(item->text)));
	return r == 0 ? buf_printf(out, "]") : r;
}

static int put_word(struct buf *out, const struct field_word *words, unsigned value)
{
	while (words->text && (words->value & WORD_MASK) != value)
		words++;
	return buf_printf(out, "%s", words->text ? words->text : "");
}

static bool is_number(const struct field *field)
{
	return field->type == FIELD_NUMBER || field->type == FIELD_SIZE ||
	       field->type == FIELD_DURATION || field->type == FIELD_TIME;
}

static int put_scalar(struct buf *out, const struct field *field, const void *slot)
{
	uint64_t number = 0;
	unsigned word = 0;
	const char *text = NULL;

	if (field->type == FIELD_WORD) {
		memcpy(&word, slot, sizeof(word));
		return put_word(out, field->words, word);
	}
	if (field->type == FIELD_BOOL)
		return buf_printf(out, "%s", *(const bool *)slot ? "true" : "false");
	if (is_number(field)) {
		memcpy(&number, slot, sizeof(number));
		return buf_printf(out, "%llu%s", (unsigned long long)number,
				  field->type == FIELD_DURATION ? "ms" : "");
	}
	memcpy(&text, slot, sizeof(text));
	return buf_printf(out, "%s", text);
}

static size_t bytes_of(const struct field *field)
{
	if (field->type == FIELD_WORD)
		return sizeof(unsigned);
	if (field->type == FIELD_BOOL)
		return sizeof(bool);
	return sizeof(uint64_t); /* numbers and pointers */
}

static bool is_set(const struct field *field, const uint8_t *slot)
{
	for (size_t i = 0; i < bytes_of(field); i++) {
		if (slot[i])
			return true;
	}
	return field->fallback != NULL;
}

static int put_object(struct buf *out, enum object object, const void *struct_of_it);

static int put_field(struct buf *out, const struct field *field, const uint8_t *slot)
{
	const void *pointer = NULL;

	if (field->type == FIELD_MAP || field->type == FIELD_TEXTS || field->type == FIELD_WORDS ||
	    field->type == FIELD_NUMBERS)
		memcpy(&pointer, slot, sizeof(pointer));
	int r = buf_printf(out, "%s: ", field->key);

	if (r < 0)
		return r;
	if (field->type == FIELD_MAP)
		return put_object(out, field->of, pointer);
	return pointer ? put_list(out, pointer) : put_scalar(out, field, slot);
}

/* Lists of maps are items of their own, and no object with one comes here but a task. */
static int put_object(struct buf *out, enum object object, const void *struct_of_it)
{
	const char *separator = " ";
	int r = buf_printf(out, "{");

	for (size_t i = 0; i < policy_field_count && r == 0; i++) {
		const struct field *field = &policy_fields[i];
		const uint8_t *slot = (const uint8_t *)struct_of_it + field->offset;

		if (field->in != object || !is_set(field, slot))
			continue;
		r = buf_printf(out, "%s", separator);
		if (r == 0)
			r = put_field(out, field, slot);
		separator = ", ";
	}
	return r == 0 ? buf_printf(out, " }") : r;
}

static int emit(struct walk *w, struct policy_item *item, const struct layer *layer)
{
	int r = buf_put_u8(&w->text, 0);

	if (r < 0)
		return r;
	item->task = w->task;
	item->text = (const char *)w->text.data;
	item->document = layer->id;
	item->kind = layer->kind;
	item->policy = w->policy;
	item->layer = (size_t)(layer - w->policy->layers);
	return w->fn(w->context, item);
}

static int emit_object(struct walk *w, const char *class, enum object object, const void *of,
		       const struct layer *layer)
{
	const struct node *node;

	if (!of)
		return 0;
	memcpy(&node, of, sizeof(const void *)); /* every struct begins with it */
	struct policy_item item = {.class = class, .id = "", .line = node->line};

	buf_clear(&w->text);
	int r = put_object(&w->text, object, of);

	return r == 0 ? emit(w, &item, layer) : r;
}

static int emit_rules(struct walk *w, const struct rules *rules)
{
	int r = 0;

	for (enum rule_class class = 0; class < RULES_COUNT; class ++) {
		const struct rule *list = rules_of(rules, class);

		for (size_t i = 0; i < rules->lists[class].count && r == 0; i++) {
			struct policy_item item = {.class = rule_classes[class].key,
						   .id = list[i].id,
						   .line = list[i].node->line};

			buf_clear(&w->text);
			r = put_object(&w->text, rule_classes[class].of, &list[i]);
			if (r == 0)
				r = emit(w, &item, list[i].layer);
		}
	}
	return r;
}

static const struct layer *layer_of(const struct policy *policy, const struct node *node)
{
	while (node->parent)
		node = node->parent;
	for (size_t i = 0; i < policy->layer_count; i++) {
		if (policy->layers[i].node == node)
			return &policy->layers[i];
	}
	return policy->layers;
}

static int emit_task(struct walk *w, const struct task *task)
{
	const struct policy *policy = w->policy;

	w->task = task->id;
	int r = emit_object(w, "match", OBJECT_MATCH, task->match,
			    layer_of(policy, task->match->node));

	if (r == 0)
		r = emit_object(w, "run", OBJECT_RUN, task->run, layer_of(policy, task->run->node));
	if (r == 0)
		r = emit_rules(w, &task->rules);
	if (r == 0 && task->on_deny)
		r = emit_object(w, "on_deny", OBJECT_ON_DENY, task->on_deny,
				layer_of(policy, task->on_deny->node));
	if (r == 0 && task->on_threat)
		r = emit_object(w, "on_threat", OBJECT_ON_THREAT, task->on_threat,
				layer_of(policy, task->on_threat->node));
	return r;
}

static const struct layer *default_task_layer(const struct policy *policy)
{
	size_t i = policy->layer_count;

	while (i-- > 1) {
		if (policy->layers[i].default_task)
			return &policy->layers[i];
	}
	return policy->layers;
}

static int emit_base(struct walk *w)
{
	const struct layer *base = w->policy->layers, *layer = default_task_layer(w->policy);
	const struct node *node = node_find(layer->node, "default_task");
	struct policy_item levels = {
		.class = "trust_levels", .id = "", .line = base->trust_levels->line};
	struct policy_item task = {
		.class = "default_task", .id = "", .line = node ? node->line : layer->node->line};

	int r = put_list(&w->text, base->trust_levels);

	if (r == 0)
		r = emit(w, &levels, base);
	buf_clear(&w->text);
	if (r == 0)
		r = buf_printf(&w->text, "%s", w->policy->default_task);
	return r == 0 ? emit(w, &task, layer) : r;
}

static int emit_layer(struct walk *w, const struct layer *layer)
{
	const struct ingress *ingress = layer->ingress.items;
	int r = layer->agent ? emit_object(w, "agent", OBJECT_AGENT, layer->agent, layer) : 0;

	for (size_t i = 0; i < layer->ingress.count && r == 0; i++) {
		struct policy_item item = {
			.class = "ingress", .id = ingress[i].id, .line = ingress[i].node->line};

		buf_clear(&w->text);
		r = put_object(&w->text, OBJECT_INGRESS, &ingress[i]);
		if (r == 0)
			r = emit(w, &item, layer);
	}
	return r;
}

/* Whom an exception is for counts as much as its rules do. */
static int emit_exception(struct walk *w, const struct layer *layer)
{
	struct policy_item item = {
		.class = "exception", .id = layer->id, .line = layer->node->line};

	buf_clear(&w->text);
	int r = buf_printf(&w->text, "{ until: %llu, for: ", (unsigned long long)layer->until_s);

	if (r == 0)
		r = put_object(&w->text, OBJECT_FOR, layer->whom);
	if (r == 0)
		r = buf_printf(&w->text, " }");
	return r == 0 ? emit(w, &item, layer) : r;
}

int policy_items(const struct policy *policy, policy_item_fn *fn, void *context)
{
	struct walk w = {.policy = policy, .fn = fn, .context = context, .task = ""};
	int r = emit_base(&w);

	for (size_t i = 0; i < policy->layer_count && r == 0; i++) {
		r = emit_layer(&w, &policy->layers[i]);
		if (r == 0 && policy->layers[i].kind == POLICY_KIND_EXCEPTION)
			r = emit_exception(&w, &policy->layers[i]);
	}
	if (r == 0)
		r = emit_rules(&w, &policy->final);
	for (size_t i = 0; i < policy->tasks.count && r == 0; i++)
		r = emit_task(&w, &policy_tasks(policy)[i]);
	buf_release(&w.text);
	return r;
}

bool policy_item_applies(const struct policy_item *item, const struct policy_request *request)
{
	return policy_layer_applies(&item->policy->layers[item->layer], request);
}
