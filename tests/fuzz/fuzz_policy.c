/* A policy document: parsed, and what is accepted is compiled, matched and run through its own tests. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/policy/policy.h"
#include "microvisor/arbiter/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct policy_request request = {.user = "user1",
					      .home = "/home/user1",
					      .program = "/bin/t",
					      .file_count = 2,
					      .files = {"/home/user1/a.pdf", "/srv/*.txt"}};

/* Whatever the language accepts, the arbiter must accept too. */
static void compile(const struct policy *policy, size_t n)
{
	static struct policy_place places[4];
	cleanup_buf struct buf table = {0};
	struct mv_policy compiled;

	if (policy_compile(policy, n, &request, 1, &table) == 0 &&
	    mv_policy_init(&compiled, table.data, table.len) < 0)
		abort();
	(void)policy_task_matches(policy, n, &request);
	(void)policy_places(policy, n, &request, places, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_buf struct buf out = {0};
	static struct policy_errors errors;
	struct policy *policy = policy_parse(data, size, &errors);

	if (!policy && errors.count == 0)
		abort();
	if (!policy)
		return policy_errors_put(&errors, "p", &out) < 0 ? -1 : 0;
	for (size_t n = 0; n < policy_task_count(policy); n++)
		compile(policy, n);
	if (policy_run_tests(policy, &out) < 0)
		abort();
	policy_free(policy);
	return 0;
}
