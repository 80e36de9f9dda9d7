objs += $(O)/tests/support/replay.o
# Plays the agent to one ampoule-microvm, for system tests.
$(call program,microvm-drive,tests/support/drive,common)
# What `make bench-policy` measures with.
$(call program,policy-speed,tests/bench/policy-speed,policy arbiter common,-lyaml)
