objs += $(O)/tests/support/replay.o
# Plays the agent to one ampoule-microvm, for system tests.
$(call program,microvm-drive,tests/support/drive,agent agentcommon common)
# ampoule-microvm itself, which turns hostile after its first exit.
$(call program,microvm-hostile,tests/support/hostile,microvisor arbiter,-lpthread)
$(call static,microvm-hostile)
$(O)/bin/microvm-hostile: $(O)/microvisor/main.o
$(O)/bin/microvm-hostile: private LDFLAGS_ALL += -Wl,--wrap=mv_vcpu_enter,--wrap=mv_seccomp_enter,--wrap=mv_control_receive_start
# What `make bench-clone` measures with.
$(call program,first-byte,tests/bench/first-byte,)
$(call program,kvm-floor,tests/bench/kvm-floor,)
# What `make bench-density` measures with.
$(call program,crowd,tests/bench/crowd,)
# What `make bench-policy` measures with.
$(call program,policy-speed,tests/bench/policy-speed,policy arbiter common,-lyaml)
# Plays a device to ampoule-server, for the console's test.
$(call program,fleet-device,tests/support/device,proto common,-lssl -lcrypto -lprotobuf-c -lzstd -ljansson -lcheck -lsubunit -lrt -lm -lpthread)
$(call needs-generated,tests/support/device)
# Thousands of endpoints for `make bench-fleet` and `make bench-ingest`.
$(call program,fleet-sim,tests/fleet-sim,agent link agentcommon policy proto arbiter common,-lyaml -ljansson -lsqlite3 -lprotobuf-c -lssl -lcrypto -lzstd -lpthread)
$(call needs-generated,tests/fleet-sim)
