/* The compiled policy: any bytes are a table or are refused; what is accepted answers every question. */
#include <stdlib.h>
#include <string.h>

#include "microvisor/arbiter/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const objects[] = {"/home/user1/.ssh/id", "/", "/a/b/c.pdf",
				      "tcp:[0a000005].a.example:443"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mv_policy policy;
	struct mv_decision decision;
	void *copy = malloc(size ? size : 1);

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	if (mv_policy_init(&policy, copy, size) < 0)
		goto free_copy;
	for (unsigned i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		size_t n = strlen(objects[i]);
		char id[MV_NAME_MAX];

		for (unsigned class = 0; class <= MV_CLASS_COUNT; class ++) {
			struct mv_access access = {.class = (uint8_t) class,
						   .op = MV_OP_WRITE,
						   .object = objects[i],
						   .object_bytes = (uint16_t)n};

			mv_arbitrate(&policy, &access, &decision);
			mv_policy_rule_id(&policy, decision.rule, id);
		}
		(void)mv_policy_leads_to(&policy, objects[i], n);
		(void)mv_policy_may_hold(&policy, objects[i], n);
		(void)mv_policy_is_sealed(&policy, objects[i], n);
	}
free_copy:
	free(copy);
	return 0;
}
