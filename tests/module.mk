objs += $(O)/tests/support/replay.o
# Plays the agent to one ampoule-microvm, for system tests.
$(call program,microvm-drive,tests/support/drive,common)
# What `make bench-clone` measures with, and the guest of its peers.
$(call program,first-byte,tests/bench/first-byte,)
$(call program,kvm-floor,tests/bench/kvm-floor,)
$(call program,peer-init,tests/bench/peer-init,)
$(call static,peer-init)
