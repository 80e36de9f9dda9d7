# server-fixture.sh NAME: a server, its signer and its database for one system test, and the words to ask them with.
# Sourced from the repository's root with BIN set; the test's files are in $RUN, which is kept when a step failed.
# server_fixture_start brings it all up; whatever happens it is ended with the test, whose last line then counts.
# shellcheck shell=bash

RUN=$(mktemp -d "/tmp/ampoule-$1.XXXXXX")
chmod 711 "$RUN"
mkdir -p "$RUN/answers" "$RUN/log" "$RUN/image"
export XDG_CONFIG_HOME=$RUN/admin
mkdir -p "$XDG_CONFIG_HOME"
# shellcheck source=tests/story/lib.sh
. tests/story/lib.sh
# shellcheck source=tests/story/server.sh
. tests/story/server.sh
DB="host=$RUN/pg dbname=ampoule user=$([ "$(id -u)" = 0 ] && echo postgres || id -un)"
AGENT_PORT=$(free_port)
API_PORT=$(free_port)
ENDPOINT_SEES=127.0.0.1
API=https://127.0.0.1:$API_PORT/api/v1

clean_up() {
	local rc=$?
	trap - EXIT
	[ "$FAILED" = 0 ] || tail -n 20 "$RUN"/log/*.log
	stop_process server
	stop_process signer
	tests/support/pg-private stop "$RUN/pg" >/dev/null 2>&1
	[ "$FAILED" != 0 ] || rm -rf "$RUN"
	printf '%s passed, %s failed, 0 skipped\n' "$PASSED" "$FAILED"
	[ "$FAILED" = 0 ] && exit "$rc"
	exit 1
}
trap clean_up EXIT
trap 'exit 130' INT TERM

sql() { psql -XAtq -v ON_ERROR_STOP=1 "$DB" "$@"; }
ctl() { "$BIN/ampoulectl" "$@"; }
# status_of ARG...: what ampoulectl exits with; its output in $OUT, its errors in $ERR.
status_of() {
	local rc=0
	OUT=$(ctl "$@" 2>"$RUN/err") || rc=$?
	ERR=$(cat "$RUN/err")
	echo "$OUT" >"$RUN/out"
	return "$rc"
}
expect_exit() { # expect_exit WHAT STATUS ARG...
	local what=$1 want=$2 rc=0
	shift 2
	status_of "$@" || rc=$?
	if [ "$rc" = "$want" ]; then pass "$what (exit $rc)"; else fail "$what: exit $rc, expected $want: $ERR"; fi
}
# ask OPERATION METHOD PATH [CURL-ARG...]: the answer goes to $ANSWER and, named by operation and status, to
# the folder that is checked against docs/openapi.yaml. Prints the status.
NTH=0
ask() {
	local operation=$1 method=$2 path=$3
	shift 3
	NTH=$((NTH + 1))
	STATUS=$(curl -sS --cacert "$RUN/server/ca.pem" -X "$method" -H "Authorization: Bearer ${TOKEN-$ADMIN}" \
		-o "$RUN/body" -w '%{http_code}' "$@" "$API$path")
	ANSWER=$(cat "$RUN/body")
	[ ! -s "$RUN/body" ] || cp "$RUN/body" "$RUN/answers/$operation.$STATUS.$NTH.json"
	rm -f "$RUN/body"
}
json() { jq -r "$1" <<<"$ANSWER"; }

server_fixture_start() {
	step "A server, its signer and its database"
	tests/support/pg-private start "$RUN/pg" >/dev/null || exit $?
	server_setup >"$RUN/log/setup.log" 2>&1 || die "setup: $(cat "$RUN/log/setup.log")"
	server_serve
	wait_for "it answers over TLS" 30 server_is_up || exit 1
	ADMIN=$(cat "$RUN/admin.token")
}
