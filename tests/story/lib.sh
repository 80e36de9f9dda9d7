# lib.sh: how the story speaks, waits and counts. Sourced by tests/story/play.
# shellcheck shell=bash

STORY_T0=$(date +%s%N)
PASSED=0
FAILED=0

elapsed() { # elapsed [SINCE-NANOSECONDS]: seconds with one decimal
	local since=${1:-$STORY_T0}
	awk -v a="$since" -v b="$(date +%s%N)" 'BEGIN {printf "%.1f", (b - a) / 1e9}'
}

step() { printf '\n[%6s s] %s\n' "$(elapsed)" "$*"; }
say() { printf '           %s\n' "$*"; }
quote() { sed 's/^/           | /'; }

# 3: where ticking() speaks, whatever its caller does with the output. NEVER: a pipe that never has any.
exec 3>&1 {NEVER}<> <(:)

# ticking WHAT COMMAND...: the command's own output and status; every other second says how long it has been at it.
ticking() {
	local what=$1 t0 ticker rc=0
	shift
	t0=$(date +%s%N)
	(until read -rt 2 -u "$NEVER"; [ $? -le 128 ]; do say "$what ... $(elapsed "$t0") s"; done) >&3 2>&3 &
	ticker=$!
	"$@" || rc=$?
	kill "$ticker" 2>/dev/null
	wait "$ticker" 2>/dev/null
	return "$rc"
}

pass() { PASSED=$((PASSED + 1)); say "ok: $*"; }
fail() { FAILED=$((FAILED + 1)); say "FAILED: $*"; }

# The story cannot go on after this.
die() {
	fail "$*"
	exit 1
}

expect_eq() { # expect_eq WHAT GOT WANTED
	if [ "$2" = "$3" ]; then pass "$1"; else fail "$1: got '$2', expected '$3'"; fi
}

expect_has() { # expect_has WHAT TEXT FIXED-STRING
	if grep -qF -- "$3" <<<"$2"; then pass "$1"; else
		fail "$1: '$3' is not in:"
		quote <<<"$2"
	fi
}

expect_lacks() { # expect_lacks WHAT TEXT FIXED-STRING
	if grep -qF -- "$3" <<<"$2"; then
		fail "$1: '$3' is in:"
		quote <<<"$2"
	else pass "$1"; fi
}

# working WHAT COMMAND...: runs it with its output in a log, says how long it has been at it, and shows the
# log's end when it fails.
working() {
	local what=$1 log t0 pid rc=0 n=0
	log=$RUN/log/$(tr -c 'a-z0-9\n' '-' <<<"${1,,}").log
	shift
	t0=$(date +%s%N)
	"$@" >"$log" 2>&1 </dev/null 3>&- & # what it leaves running must not hold our output open
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		n=$((n + 1))
		[ $((n % 25)) != 10 ] || say "$what ... $(elapsed "$t0") s$(tail -n1 "$log" | cut -c1-90 | sed 's/^/   /')"
	done
	wait "$pid" || rc=$?
	if [ "$rc" = 0 ]; then pass "$what ($(elapsed "$t0") s)"; else
		fail "$what: exit $rc after $(elapsed "$t0") s, the end of its log:"
		tail -n 30 "$log" | quote
	fi
	return "$rc"
}

# wait_for WHAT SECONDS COMMAND...: until the command succeeds; prints the time it took.
wait_for() {
	local what=$1 limit=$2 t0 n=0
	shift 2
	t0=$(date +%s%N)
	until "$@" >"$RUN/log/wait.log" 2>&1; do
		if [ "$(elapsed "$t0" | cut -d. -f1)" -ge "$limit" ]; then
			fail "$what: not within $limit s"
			tail -n 20 "$RUN/log/wait.log" | quote
			return 1
		fi
		sleep 0.3
		n=$((n + 1))
		[ $((n % 16)) != 7 ] || say "$what ... $(elapsed "$t0") s"
	done
	pass "$what (after $(elapsed "$t0") s)"
}

free_port() { # a TCP port of loopback that nobody listens on now
	local port
	for _ in $(seq 100); do
		port=$((20000 + RANDOM % 20000))
		if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			echo "$port"
			return
		fi
	done
	return 1
}
