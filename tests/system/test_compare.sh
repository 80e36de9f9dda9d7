#!/bin/bash
# tests/bench/compare: what counts as worse, as better, and as no change, and what it answers with.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/support/checks.sh
. tests/support/checks.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() { # run NAME FIGURES...: a run's file
	local name=$1 IFS=,
	shift
	echo "{\"commit\": \"$name\", \"host\": \"h\", \"runs\": 1, \"figures\": [$*]}" >"$work/$name"
}
verdicts() { # verdicts: of the file new against the file old, and the exit status
	local out status
	out=$(tests/bench/compare "$work/new" "$work/old" 2>/dev/null)
	status=$?
	echo "$(awk 'NR > 3 {print $1, $2, $NF}' <<<"$out" | xargs) $status"
}
time_() { echo "{\"name\": \"$1\", \"unit\": \"ms\", \"p50\": $2, \"role\": \"ours\"${3:+, \"peer\": \"$4\", \"ratio\": $3}}"; }
count() { echo "{\"name\": \"$1\", \"unit\": \"count\", \"p50\": $2, \"role\": \"ours\"}"; }

run old "$(time_ a 100)" "$(count b 500)"
run new "$(time_ a 114)" "$(count b 430)"
ok "within the margin nothing has changed" "$(verdicts)" "a p50 same b p50 same 0"
run new "$(time_ a 120)" "$(count b 600)"
ok "more time is worse, more micro-VMs are better" "$(verdicts)" "a p50 worse b p50 better 1"
run new "$(time_ a 50)" "$(count b 400)"
ok "and the other way round" "$(verdicts)" "a p50 better b p50 worse 1"
run new "$(time_ a 100)"
ok "a figure that is gone is worse" "$(verdicts)" "a p50 same b p50 gone 1"
run old "$(time_ a 100 0.1 q)"
run new "$(time_ a 300 0.1 q)"
ok "against the same peer ratios count: a slower computer is no slower program" "$(verdicts)" "a ratio same 0"
run new "$(time_ a 300 0.1 r)"
ok "against another peer they mean nothing" "$(verdicts)" "a p50 worse 1"
run new '{"name": "a", "unit": "ms", "p50": 900, "role": "peer"}'
run old '{"name": "a", "unit": "ms", "p50": 100, "role": "peer"}'
ok "a peer or floor has no verdict" "$(verdicts)" "a p50 - 0"
echo "{}" >"$work/new"
ok "a file without figures is refused" "$(verdicts)" " 2"
run new "$(time_ a 1)"
ok "a margin that is no number is refused" "$(MARGIN=x verdicts)" " 2"
exit $failed
