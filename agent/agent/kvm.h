/* /dev/kvm, and whether the hardware's boundary is behind it. */
#ifndef AGENT_AGENT_KVM_H
#define AGENT_AGENT_KVM_H

#include "common/cleanup.h"
#include "common/err.h"

/* What agent_kvm_open() reads, save in tests. */
#define AGENT_KVM_CPUINFO "/proc/cpuinfo"

/* Opens /dev/kvm for one micro-VM: the descriptor, the caller's. -ENODEV, with a sentence that a user
 * may read in err: there is none, it may not be opened, or the processor has no hardware virtualisation:
 * a KVM that is emulated by other means (paravirtualised, as PVM) is not the boundary that is promised. */
int agent_kvm_open(const char *cpuinfo, struct err *err) must_check;

#endif
