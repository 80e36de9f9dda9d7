/* The words of the arbiter's numbers (microvisor/arbiter/access.h), as the policy language, events and
 * `explain` spell them: "file", "open", "deny", "high". Constant; any thread. The microvisor itself knows
 * numbers alone. */
#ifndef COMMON_POLICY_WORDS_H
#define COMMON_POLICY_WORDS_H

/* NULL for a number out of range. Never freed. */
const char *words_class(unsigned class);
const char *words_op(unsigned op);
const char *words_verdict(unsigned verdict);
const char *words_severity(unsigned severity);

#endif
