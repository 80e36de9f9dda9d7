#!/bin/bash
# The console in a real browser (Debian's chromium, driven by Playwright) against a real server, signer and
# PostgreSQL: the first admin, an image, a policy with a mistake, a device that joins and reports, tokens. axe
# on every page; errors in the browser and violations of the content policy fail it. Devices are fleet-device
# (tests/support/device). CONSOLE_SHOTS=FOLDER keeps a picture of each page.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
skip() { echo "$*"; exit 77; }
for tool in psql curl openssl fsverity npm chromium; do
	command -v "$tool" >/dev/null || skip "$tool is not installed (deploy/bootstrap.sh)"
done
BIN=$PWD/build/${VARIANT:-debug}/bin
make -s "${BIN#"$PWD/"}"/{ampoule-server,ampoule-signer,ampoulectl,fleet-device} >/dev/null || exit 1
# shellcheck source=tests/support/server-fixture.sh
. tests/support/server-fixture.sh console

server_fixture_start

# image: a small one with the form of a real one, signed with openssl and digested with fsverity.
entry() {
	printf '"%s": {"digest": "%s", "bytes": %s}' "$1" "$(fsverity digest --compact "$RUN/image/$1")" \
		"$(stat -c %s "$RUN/image/$1")"
}
make_image() {
	head -c 3000000 /dev/urandom >"$RUN/image/root"
	head -c 70000 /dev/urandom >"$RUN/image/kernel"
	head -c 4000 /dev/urandom >"$RUN/image/initramfs"
	printf '/usr/bin/mutool\t/usr/bin/mutool\n' >"$RUN/image/programs"
	cat >"$RUN/image/manifest.json" <<-JSON
		{"ampoule_image": 1, "name": "debian-docs", "version": 1, "arch": "x86_64",
		 "created": "2026-11-01T00:00:00Z", "cmdline": "quiet",
		 "shapes": [{"memory_mib": 256, "cpus": 1}, {"memory_mib": 512, "cpus": 1}],
		 "files": {$(entry kernel), $(entry initramfs), $(entry root), $(entry programs)}}
	JSON
	openssl genpkey -algorithm ed25519 -out "$RUN/builder.pem"
	{ printf 'ampoule-image-v1\0'; cat "$RUN/image/manifest.json"; } >"$RUN/to-sign"
	openssl pkeyutl -sign -rawin -inkey "$RUN/builder.pem" -in "$RUN/to-sign" -out "$RUN/image/manifest.sig"
}
make_image
# What the journey asks the shell for; a secret comes by stdin.
cat >"$RUN/helper" <<-SH
	#!/bin/bash
	set -eu
	export XDG_CONFIG_HOME=$RUN/admin
	case \$1 in
	push-image)
		(umask 077; cat >$RUN/pusher.token)
		"$BIN/ampoulectl" login --server https://127.0.0.1:$API_PORT --ca $RUN/server/ca.pem --token-file $RUN/pusher.token
		"$BIN/ampoulectl" image push $RUN/image ;;
	esac
SH
chmod 700 "$RUN/helper"

step "What is served"
page=$(curl -sS --cacert "$RUN/server/ca.pem" -D "$RUN/head" "https://127.0.0.1:$API_PORT/devices")
expect_has "a page of the application is its index" "$page" '<div id="root">'
expect_has "under a strict content policy" "$(cat "$RUN/head")" "Content-Security-Policy: default-src 'self'"
expect_lacks "without inline scripts" "$page" '<script>'
expect_lacks "a route outside /api stays the API's" \
	"$(curl -sS --cacert "$RUN/server/ca.pem" "https://127.0.0.1:$API_PORT/healthz")" '<div'
asset=$(grep -o '/assets/index-[^"]*\.js' <<<"$page" | head -n1)
curl -sS --cacert "$RUN/server/ca.pem" -D "$RUN/head" -o "$RUN/asset" --compressed "https://127.0.0.1:$API_PORT$asset"
expect_has "its script is compressed" "$(cat "$RUN/head")" "Content-Encoding: "
expect_has "and kept for ever" "$(cat "$RUN/head")" "immutable"
expect_eq "and is what was built" "$(sha256sum <"$RUN/asset")" "$(sha256sum <"build/web/dist$asset")"
say "first load: $(jq .first_load_js_kb build/bench/console.json) kB of compressed JavaScript"

step "The journeys"
export CONSOLE_URL=https://127.0.0.1:$API_PORT CONSOLE_BIN=$BIN CONSOLE_HELPER=$RUN/helper
CONSOLE_LINK=$("$BIN/ampoule-server" link --state "$RUN/server" 2>/dev/null | grep -o "https://.*")
CONSOLE_BUILDER=$(openssl pkey -in "$RUN/builder.pem" -pubout -outform DER | tail -c 32 | od -An -tx1 | tr -d ' \n')
export CONSOLE_LINK CONSOLE_BUILDER
web/npm run --silent e2e 2>&1 | tee "$RUN/log/e2e.log" | quote
expect_eq "the browser saw what it should" "${PIPESTATUS[0]}" 0
exit 0
