#include "common/policy/class.h"

const char *class_action_name(enum rule_class class, unsigned action)
{
	for (const struct field_word *word = rule_classes[class].actions; word->text; word++) {
		if ((word->value & WORD_MASK) == action)
			return word->text;
	}
	return "";
}

bool class_is_enforced(enum rule_class class)
{
	return rule_classes[class].class != 0;
}
