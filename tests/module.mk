objs += $(O)/tests/support/replay.o
