# $(call lib,NAME,DIRS)                  DIR/*.c of each DIR -> $(O)/lib/libNAME.a
# $(call program,NAME,DIR,LIBS,LDLIBS)   DIR/*.c -> $(O)/bin/NAME, linked with our LIBS in that order
# $(call static,NAME)                    NAME is linked statically (not under the sanitizers, which forbid it)
# $(call unit,FOLDER,LIBS,LDLIBS)       tests/unit/FOLDER/test_*.c -> one Check program each
# $(call fuzz,NAME,LIBS,LDLIBS)          tests/fuzz/fuzz_NAME.c -> corpus replay in check-unit, `make fuzz-NAME` to search
# $(call proto,NAME)                     proto/NAME.proto -> build/gen/proto/NAME.pb-c.{c,h}
objs  :=
progs :=
tests :=
hdrs  :=
obj = $(patsubst %.c,$(O)/%.o,$(1))

define lib_
print-srcs-$(1):
	@echo $$(sort $$(wildcard $(2:%=%/*.c)))
hdrs += $$(wildcard $(2:%=%/*.h))
objs += $$(call obj,$$(sort $$(wildcard $(2:%=%/*.c))))
$$(O)/lib/lib$(1).a: $$(call obj,$$(sort $$(wildcard $(2:%=%/*.c))))
endef
lib = $(eval $(call lib_,$(strip $(1)),$(strip $(2))))

define program_
hdrs  += $$(wildcard $(2)/*.h)
objs  += $$(call obj,$$(sort $$(wildcard $(2)/*.c)))
progs += $$(O)/bin/$(1)
$$(O)/bin/$(1): $$(call obj,$$(sort $$(wildcard $(2)/*.c))) $(3:%=$$(O)/lib/lib%.a)
$$(O)/bin/$(1): private LDLIBS += $(4)
endef
program = $(eval $(call program_,$(strip $(1)),$(strip $(2)),$(strip $(3)),$(4)))

static = $(if $(filter asan tsan,$(VARIANT)),,$(eval $(O)/bin/$(strip $(1)): private LDFLAGS_ALL += -static))

define test_
objs  += $$(call obj,$(1))
tests += $$(patsubst %.c,$$(O)/%,$(1))
$$(patsubst %.c,$$(O)/%,$(1)): $$(call obj,$(1)) $(2:%=$$(O)/lib/lib%.a)
$$(patsubst %.c,$$(O)/%,$(1)): private LDLIBS += $(3) -lcheck -lsubunit -lrt -lm -lpthread
endef
test = $(eval $(call test_,$(strip $(1)),$(strip $(2)),$(3)))
unit = $(foreach t,$(sort $(wildcard tests/unit/$(strip $(1))/test_*.c)),$(call test,$(t),$(2),$(3)))

define fuzz_
objs  += $$(O)/tests/fuzz/fuzz_$(1).o
tests += $$(O)/tests/fuzz/replay_$(1)
$$(O)/tests/fuzz/replay_$(1): $$(O)/tests/fuzz/fuzz_$(1).o $$(O)/tests/support/replay.o $(2:%=$$(O)/lib/lib%.a)
$$(O)/tests/fuzz/replay_$(1): private LDLIBS += $(3)
.PHONY: fuzz-$(1)
fuzz-$(1): ## search for bad input (SECONDS=60)
	$$(Q)SECONDS_MAX=$(SECONDS) build-aux/fuzz $(1) "$(2)" "$(3)"
endef
fuzz = $(eval $(call fuzz_,$(strip $(1)),$(strip $(2)),$(3)))

define proto_
objs += $$(O)/gen/proto/$(1).pb-c.o
build/gen/proto/$(1).pb-c.c build/gen/proto/$(1).pb-c.h &: proto/$(1).proto
	@mkdir -p build/gen
	$$(if $$(Q),@echo "  PROTOC  $$<")
	$$(Q)protoc-c --c_out=build/gen $$<
	$$(Q)sed -i '1i #pragma GCC system_header /* its INIT macros cast const away */' build/gen/proto/$(1).pb-c.h
$$(O)/gen/proto/$(1).pb-c.o: build/gen/proto/$(1).pb-c.c $$(O)/flags
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CPPFLAGS_ALL) $$(CFLAGS.$$(VARIANT)) -w -c -o $$@ $$<
	@: > $$(@:.o=.json)
$$(O)/lib/libproto.a: $$(O)/gen/proto/$(1).pb-c.o
generated += build/gen/proto/$(1).pb-c.h
endef
proto = $(eval $(call proto_,$(strip $(1))))

# Whoever includes a generated header says so here: $(call needs-generated,DIRS)
needs-generated = $(eval $(call obj,$(wildcard $(1:%=%/*.c))) $(patsubst %,$(O)/%.hdr-ok,$(wildcard $(1:%=%/*.h))): | $$(generated))

$(O)/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC      $@")
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
	@printf '{"directory":"%s","file":"%s","output":"%s","command":"%s"},\n' '$(CURDIR)' '$<' '$@' \
		'$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c -o $@ $<' > $(@:.o=.json)
$(O)/lib/%.a:
	@mkdir -p $(@D)
	$(if $(Q),@echo "  AR      $@")
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)
$(O)/%.h.hdr-ok: %.h $(O)/flags
	@mkdir -p $(@D)
	$(Q)printf '#include "%s"\n' $< | $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -fsyntax-only -x c - && touch $@
# rebuilt only when the flags change (git's GIT-CFLAGS idea)
$(O)/flags: FORCE
	@mkdir -p $(@D); echo '$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS.$(VARIANT))' | cmp -s - $@ || \
		echo '$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS.$(VARIANT))' > $@
FORCE:
.PHONY: FORCE
.SECONDARY:
.DELETE_ON_ERROR:
