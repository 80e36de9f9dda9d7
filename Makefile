# One make process builds everything; each folder adds itself in its module.mk.
# `make help` lists targets.  VARIANT=debug|release|asan|tsan|cov  V=1 shows commands.
VARIANT ?= debug
O       := build/$(VARIANT)
Q       := $(if $(filter 1,$(V)),,@)
SHELL   := /bin/bash
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0) # every core, unless told
MAKEFLAGS += -j$(shell nproc)
endif

all:                                    # the default goal, before any include
include build-aux/flags.mk
include build-aux/rules.mk
include proto/module.mk $(filter-out proto/%,$(wildcard */module.mk)) # proto/ names the generated headers

all: $(progs)                           ## build the programs
$(progs) $(tests):
	@mkdir -p $(@D)
	$(if $(Q),@echo "  LD      $@")
	$(Q)$(CC) -o $@ $(filter %.o %.a,$^) $(filter %.a,$^) $(LDFLAGS_ALL) $(LDLIBS)
demo:                                   ## install, build and play the whole story (KEEP=1 leaves it up)
	$(Q)deploy/bootstrap.sh && $(MAKE) --no-print-directory VARIANT=release all && tests/story/play $(if $(KEEP),--keep)
bench-policy:                           ## measure policies; figures in build/bench (docs/performance.md)
	$(Q)tests/bench/policy.sh
check:                                  ## install, build, unit tests, then system tests in the lab
	$(Q)deploy/bootstrap.sh && $(MAKE) --no-print-directory lint && build-aux/check
check-unit: $(tests)                    ## the fast half: no root, no KVM
	$(Q)build-aux/run-tests $(tests)
check-full: check                       ## check, the sanitizer variants and the long tests
	$(Q)FULL=1 build-aux/check
check-asan check-tsan check-cov: check-%: ## unit tests under a sanitizer or with coverage
	$(Q)$(MAKE) --no-print-directory VARIANT=$* check-unit
bench-fleet:                            ## a policy to 10,000 simulated agents, storms, memory (AGENTS= RUNS= STORMS=)
	$(Q)tests/bench/fleet.sh
bench-ingest:                           ## events per second to a commit and an ack, and raw COPY (AGENTS= RUNS=)
	$(Q)tests/bench/ingest.sh
bench-clone:                            ## request to first output by a clone, in the lab (RUNS=100)
	$(Q)tests/bench/clone
bench-compare:                          ## hold a benchmark's run against an earlier one (A=NEW.json B=OLD.json MARGIN=15)
	$(Q)MARGIN="$(or $(MARGIN),15)" tests/bench/compare $(A) $(B)
bench-density:                          ## micro-VMs alive in 4096 MiB, and what one costs
	$(Q)tests/bench/density
bench-console:                          ## script per interaction at 100,000 devices, Lighthouse (RUNS, DEVICES, EVENTS)
	$(Q)tests/bench/console.sh
bench-boot:                             ## measure a cold boot; figures in build/bench (docs/performance.md)
	$(Q)tests/bench/boot.sh
check-headers: $(hdrs:%=$(O)/%.hdr-ok)  ## every header compiles alone
lint: check-headers                     ## everything that needs no running
	$(Q)build-aux/lint
tidy: compile_commands.json             ## clang-tidy: function size, complexity, likely bugs
	$(Q)build-aux/tidy
format:                                 ## rewrite all C to the house format
	$(Q)git ls-files '*.[ch]' | xargs clang-format-14 -i
compile_commands.json: $(objs)          ## for clangd and clang-tidy
	$(Q)sed -e '1s/^/[/' -e '$$s/,$$/]/' $(objs:.o=.json) > $@
clean:                                  ## remove build/
	$(Q)rm -rf build
help:                                   ## this list
	$(Q)sed -nE 's/^([a-z_.-][a-z _.-]*):.*## (.*)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 40
.PHONY: all demo bench-boot bench-clone bench-compare bench-console bench-density bench-fleet bench-ingest bench-policy check check-unit check-full check-asan check-tsan check-cov check-headers lint tidy format clean help
-include $(objs:.o=.d)
