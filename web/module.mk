# The web console: npm builds it once for all variants, pack.mjs lays it out for server/rest/console_files.c.
# web/npm is the npm that does it, with the Node.js that web/node/ pins. Without any npm on the machine, or with NO_WEB=1,
# the server is built without the console and says so.
web_sources := $(shell find web -path web/node_modules -prune -o -type f ! -name "*.test.ts*" -print) docs/openapi.yaml
NPM         := $(if $(NO_WEB),,$(shell command -v npm >/dev/null && echo web/npm))

web: build/gen/server/console.inc       ## the web console's files (npm)
build/web/modules: web/package-lock.json web/package.json web/.npmrc web/npm web/node/package-lock.json
	@mkdir -p $(@D)
	$(if $(Q),@echo "  NPM     web/")
	$(Q)web/npm ci --ignore-scripts --loglevel=error >/dev/null && touch $@
build/gen/server/console.inc: $(if $(NPM),$(web_sources) build/web/modules)
	@mkdir -p $(@D)
	$(if $(Q),@echo "  WEB     $@")
	$(Q)$(if $(NPM),web/npm run --silent build,: > $@)
$(O)/server/rest/console_files.o: build/gen/server/console.inc
check-web: $(if $(NPM),build/web/modules) ## types, rules and unit tests of the console
	$(Q)$(if $(NPM),web/npm run --silent check,echo "check-web: skipped, needs npm")
.PHONY: web check-web
