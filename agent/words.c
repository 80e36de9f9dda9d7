#include "agent/words.h"

#include <linux/kvm.h>
#include <stddef.h>

#include "microvisor/microvisor.h"

static const char *const exits[] = {
	[KVM_EXIT_EXCEPTION] = "exception",
	[KVM_EXIT_IO] = "io",
	[KVM_EXIT_HYPERCALL] = "hypercall",
	[KVM_EXIT_DEBUG] = "debug",
	[KVM_EXIT_HLT] = "hlt",
	[KVM_EXIT_MMIO] = "mmio",
	[KVM_EXIT_SHUTDOWN] = "shutdown",
	[KVM_EXIT_FAIL_ENTRY] = "fail-entry",
	[KVM_EXIT_INTR] = "intr",
	[KVM_EXIT_INTERNAL_ERROR] = "internal-error",
	[KVM_EXIT_SYSTEM_EVENT] = "system-event",
	[KVM_EXIT_X86_RDMSR] = "rdmsr",
	[KVM_EXIT_X86_WRMSR] = "wrmsr",
};

static const char *const states[] = {
	[0] = "ended",
	[MV_STATE_BOOTING] = "booting",
	[MV_STATE_READY] = "ready",
	[MV_STATE_RUNNING] = "running",
};

static const char *const ends[] = {
	[MV_END_TASK] = "the task ended",
	[MV_END_NOT_STARTED] = "the program could not be executed in the micro-VM",
	[MV_END_STOPPED] = "it was stopped",
	[MV_END_LIFETIME] = "the lifetime that the policy gives the task was over",
	[MV_END_POLICY] = "the policy ends a micro-VM that tries what it tried",
	[MV_END_GUEST] = "the guest crashed",
	[MV_END_BOOT] = "the micro-VM did not boot in time",
	[MV_END_ERROR] = "the microvisor failed",
	[MV_END_PARKED] = "the template is saved",
};

const char *agent_exit_word(uint32_t reason)
{
	if (reason == 0)
		return "";
	if (reason >= sizeof(exits) / sizeof(exits[0]) || !exits[reason])
		return "other";
	return exits[reason];
}

const char *agent_state_word(uint32_t state)
{
	return state < sizeof(states) / sizeof(states[0]) ? states[state] : "unknown";
}

const char *agent_end_text(uint32_t end)
{
	if (end >= sizeof(ends) / sizeof(ends[0]) || !ends[end])
		return "the microvisor gave no reason";
	return ends[end];
}
