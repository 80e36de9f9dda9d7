# The server. libserver is everything but the programs' main files, so that tests link it.
build/gen/server/schema.inc: $(sort $(wildcard server/schema/*.sql))
	@mkdir -p $(@D)
	$(Q)for f in $^; do n=$$(basename $$f .sql); printf '{%d, "%s",\n' "$$((10#$${n%%_*}))" "$$n"; \
		sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $$f; echo '},'; done > $@
generated += build/gen/server/schema.inc
$(O)/server/migrate.o: build/gen/server/schema.inc

$(call lib,server,server server/fleet server/store server/rest server/signer server/chores server/notices)
$(call needs-generated,server server/fleet server/store server/rest server/signer server/chores server/notices)
server_libs   := server proto policy arbiter common
server_ldlibs := -lpq -lmicrohttpd -lgnutls -lssl -lcrypto -lprotobuf-c -lzstd -ljansson -lyaml -largon2 -loath -lcurl -lpthread
$(call program,ampoule-server,server/server,$(server_libs),$(server_ldlibs))
$(call program,ampoule-signer,server/signer/main,$(server_libs),$(server_ldlibs))
$(call lib,ctl,server/ctl)
$(call program,ampoulectl,server/ctl/main,ctl common,-lcurl -ljansson -lcrypto)
$(call fuzz,signer,$(server_libs),$(server_ldlibs))
$(call unit,server,ctl $(server_libs),$(server_ldlibs))
$(call fuzz,cookie,$(server_libs),$(server_ldlibs))
