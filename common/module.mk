# Shared C. common/policy/ is the language: pure code, over the arbiter's table.
$(call lib,common,common)
$(call lib,policy,common/policy)
$(call unit,common,common,-ljansson -lcrypto)
$(call fuzz,token,common,-ljansson -lcrypto)
$(call fuzz,filter,common)
$(call fuzz,manifest,common,-ljansson -lcrypto)
$(call unit,common/policy,policy arbiter common,-lyaml)
$(call fuzz,policy,policy arbiter common,-lyaml)
# test_alloc makes our own allocations fail one by one.
$(O)/tests/unit/common/policy/test_alloc: $(O)/tests/support/fail_alloc.o
$(O)/tests/unit/common/policy/test_alloc: private LDLIBS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
