objs += $(O)/tests/support/replay.o
# Plays the agent to one ampoule-microvm, for system tests.
$(call program,microvm-drive,tests/support/drive,common)
