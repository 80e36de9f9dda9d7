#include "agent/agent/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent/agent.h"
#include "agent/agent/floor.h"
#include "agent/agent/session.h"
#include "agent/agent/store.h"
#include "agent/agent/table.h"

int agent_plan_places(struct agent_vm *vm, struct policy_place **ret_places, size_t *ret_n,
		      struct err *err)
{
	struct agent_policies *policies = &vm->agent->policies;
	struct policy_place *places = calloc(MV_SHARES_MAX, sizeof(*places));
	struct policy_request facts;
	int index = agent_table_find_task(policies, vm->task_id);

	if (!places)
		return err_set(err, -ENOMEM, "out of memory");
	if (index < 0) {
		free(places);
		return err_set(err, index, "the policy changed meanwhile and has no such task");
	}
	agent_request_facts(vm->request, vm->program, &facts);
	agent_policies_facts(policies, &facts);
	size_t n = policy_places(policies->policy, (size_t)index, &facts, places, MV_SHARES_MAX);

	if (n > MV_SHARES_MAX) {
		agent_session_notice(vm->session, "the policy names %zu places, %d can be shown", n,
				     MV_SHARES_MAX);
		n = MV_SHARES_MAX;
	}
	*ret_places = places;
	*ret_n = n;
	return 0;
}

int agent_plan(struct agent_vm *vm, struct err *err)
{
	cleanup_free struct policy_place *places = NULL;
	size_t n = 0;
	int r = agent_plan_places(vm, &places, &n, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		r = agent_store_plan(vm, places[i].path, places[i].folder);
		if (r < 0)
			return err_set(err, r, "cannot open the places of the view: %s",
				       strerror(-r));
		if (places[i].given)
			continue;
		if (!agent_floor_allows(places[i].path, vm->agent->options.state_dir,
					vm->agent->options.run_dir)) {
			agent_session_notice(vm->session,
					     "%.300s is not shown: this endpoint never opens it",
					     places[i].path);
			continue;
		}
		r = agent_opener_add(&vm->opener, places[i].path, places[i].folder);
		if (r < 0)
			return err_set(err, r, "cannot open the places of the view: %s",
				       strerror(-r));
	}
	return 0;
}
