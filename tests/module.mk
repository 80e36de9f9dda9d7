objs += $(O)/tests/support/replay.o
# Plays the agent to one ampoule-microvm, for system tests.
$(call program,microvm-drive,tests/support/drive,common)
# Plays a device to ampoule-server, for the console's test.
$(call program,fleet-device,tests/support/device,proto common,-lssl -lcrypto -lprotobuf-c -lzstd -ljansson -lcheck -lsubunit -lrt -lm -lpthread)
$(call needs-generated,tests/support/device)
