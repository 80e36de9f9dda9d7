# The web console: npm builds it once for all variants, pack.mjs lays it out for server/rest/console_files.c.
# Without npm and Node.js 20 (Debian 12 has 18, with which npm leaves out a binding of Vite's), or with NO_WEB=1, the
# server is built without it and says so.
web_sources := $(shell find web -path web/node_modules -prune -o -type f ! -name "*.test.ts*" -print) docs/openapi.yaml
NPM         := $(if $(NO_WEB),,$(shell node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null && command -v npm))

web: build/gen/server/console.inc       ## the web console's files (npm)
build/web/modules: web/package-lock.json web/package.json web/.npmrc
	@mkdir -p $(@D)
	$(if $(Q),@echo "  NPM     web/")
	$(Q)cd web && npm ci --ignore-scripts --loglevel=error >/dev/null && touch ../$@
build/gen/server/console.inc: $(if $(NPM),$(web_sources) build/web/modules)
	@mkdir -p $(@D)
	$(if $(Q),@echo "  WEB     $@")
	$(Q)$(if $(NPM),cd web && npm run --silent build,: > $@)
$(O)/server/rest/console_files.o: build/gen/server/console.inc
check-web: $(if $(NPM),build/web/modules) ## types, rules and unit tests of the console
	$(Q)$(if $(NPM),cd web && npm run --silent check,echo "check-web: skipped, needs npm and Node.js 20")
.PHONY: web check-web
