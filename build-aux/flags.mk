CSTD   := -std=gnu17
WARN   := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wwrite-strings -Wcast-qual -Wundef -Wvla \
	-Wformat=2 -Wswitch-enum -Wimplicit-fallthrough -Wno-missing-field-initializers -Wno-format-truncation
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection \
	-ftrivial-auto-var-init=zero -fno-common

CFLAGS.debug   := -O1 -g3
CFLAGS.release := -O2 -g -D_FORTIFY_SOURCE=2 $(HARDEN)
CFLAGS.asan    := -O1 -g3 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
# The sanitizer does not model fences; the one we have orders against the guest, not between our threads.
CFLAGS.tsan    := -O1 -g3 -fsanitize=thread -Wno-tsan
CFLAGS.cov     := -O0 -g3 --coverage
LDFLAGS.release := -Wl,-z,relro,-z,now,-z,noexecstack
$(if $(CFLAGS.$(VARIANT)),,$(error VARIANT=$(VARIANT) is not one of: debug release asan tsan cov))

CPPFLAGS_ALL = -D_GNU_SOURCE -I. -Ibuild/gen -include build-aux/banned.h $(CPPFLAGS)
CFLAGS_ALL   = $(CSTD) $(WARN) $(CFLAGS.$(VARIANT)) $(CFLAGS)
LDFLAGS_ALL  = $(CFLAGS.$(VARIANT)) $(LDFLAGS.$(VARIANT)) $(LDFLAGS)
