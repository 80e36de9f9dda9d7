#!/bin/bash
# A newcomer's first contact: each program says what it is when asked, and what was wrong when it was misused.
set -u
cd "$(dirname "$0")/../.." || exit 1
bin=build/${VARIANT:-release}/bin
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0
export XDG_CONFIG_HOME=$tmp AMPOULE_RUN_DIR=$tmp

helps() { # helps PROGRAM WORD...: --help is an answer, not an error, and has these words
	local program=$1 rc=0 word
	shift
	timeout 10 "$bin/$program" --help >"$tmp/out" 2>"$tmp/err" </dev/null || rc=$?
	for word in "Exit status" "$@"; do
		grep -qF -- "$word" "$tmp/out" || rc="$rc, without '$word'"
	done
	[ ! -s "$tmp/err" ] || rc="$rc, with complaints"
	report "$program --help" "$rc" 0
}
says() { # says STATUS TEXT PROGRAM ARGUMENT...: the misuse ends so, with one line that has the text
	local wanted=$1 text=$2 rc=0
	shift 2
	timeout 10 "$bin/$1" "${@:2}" >"$tmp/out" 2>"$tmp/err" </dev/null || rc=$?
	grep -qF -- "$text" "$tmp/err" || rc="$rc, without '$text'"
	[ "$(wc -l <"$tmp/err")" -le 9 ] || rc="$rc, in too many lines"
	report "$*" "$rc" "$wanted"
}
report() {
	if [ "$2" = "$3" ]; then
		echo "ok    $1"
	else
		printf 'FAIL  %s\n  got:    %s\n  wanted: %s\n' "$1" "$2" "$3"
		sed 's/^/  | /' "$tmp/out" "$tmp/err"
		failed=1
	fi
}

helps ampoule "run [--raw]" "explain ID"
helps ampoule-agent "--state-dir DIR" "enroll"
helps ampoule-server "migrate" "--listen-api" "0.0.0.0:8443" "doctor"
helps ampoule-signer "--socket PATH"
helps ampoulectl "policy apply FILE" "event ls"

says 2 "there is no such command" ampoule frob
says 2 "stop which micro-VM" ampoule stop
says 125 "which program" ampoule run
says 1 "no agent is running" ampoule status
says 2 "no such command" ampoule-agent frob
says 1 "cannot read the token from /nowhere" ampoule-agent enroll --state-dir "$tmp/agent" --token-file /nowhere
says 1 "not enrolled: run ampoule-agent enroll" ampoule-agent policy-install --state-dir "$tmp/agent" README.md
says 2 "started by ampoule-agent" ampoule-link
says 2 "started by ampoule-agent" ampoule-helper
says 1 "ampoule-agent starts it" ampoule-microvm x
says 2 "Try: ampoule-server --help" ampoule-server frob
says 1 "run \`ampoule-server setup\` first" ampoule-server serve --state "$tmp/nothing"
says 1 "database: connection to server" ampoule-server setup --state "$tmp/s" --db "host=$tmp dbname=x" --name localhost
out_says() { # out_says STATUS TEXT PROGRAM ARGUMENT...: the same for an answer on standard output
	local wanted=$1 text=$2 rc=0
	shift 2
	timeout 10 "$bin/$1" "${@:2}" >"$tmp/out" 2>"$tmp/err" </dev/null || rc=$?
	grep -qF -- "$text" "$tmp/out" || rc="$rc, without '$text'"
	report "$*" "$rc" "$wanted"
}
out_says 1 "mend: Run \`ampoule-server setup\`" ampoule-server doctor --state "$tmp/nothing"
says 2 "ampoule-signer serve" ampoule-signer serve
says 4 "not logged in" ampoulectl device ls
says 2 "device ls [ID]" ampoulectl device
says 2 "Try: ampoulectl --help" ampoulectl frob
echo some-token >"$tmp/token"
says 3 "Is the server running" ampoulectl login --server https://127.0.0.1:1 --ca README.md --token-file "$tmp/token"
exit $failed
