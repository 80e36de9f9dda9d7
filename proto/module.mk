# The wire format. Generated code lives in build/gen/ only.
$(call lib,proto,proto)
$(call proto,fleet)
$(call proto,policy)
$(call unit,proto,proto common,-lprotobuf-c -lzstd)
$(call fuzz,frame,proto common,-lprotobuf-c)
$(call needs-generated,tests/unit/proto)
$(O)/tests/fuzz/fuzz_frame.o: | $(generated)
