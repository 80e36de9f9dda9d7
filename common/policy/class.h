/* The classes of rules: how a document spells them, what they select, what decides them. Constant; internal
 * to common/policy. */
#ifndef COMMON_POLICY_CLASS_H
#define COMMON_POLICY_CLASS_H

#include "common/policy/document.h"
#include "common/policy/field.h"
#include "common/policy/pattern.h"

struct rule_class_info {
	const char *key;    /* of the list in a task */
	const char *object; /* key of the patterns in a rule */
	enum object of;
	unsigned class; /* enum mv_class that decides; 0: no device of this version has it */
	enum pattern_use use;
	const struct field_word *actions;
};

extern const struct rule_class_info rule_classes[RULES_COUNT];

/* The word for a rule's action; "" for none. */
const char *class_action_name(enum rule_class class, unsigned action);
/* Whether this version decides rules of the class. */
bool class_is_enforced(enum rule_class class);

#endif
