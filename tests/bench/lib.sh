# lib.sh: what every benchmark shares: the form of its figures. Sourced by tests/bench/*.sh, from the repository's root.
#
#	bench_begin NAME "WHAT IS MEASURED" UNIT   bench_unit=... for series of another unit; each has peers in its own only
#	bench_series NAME ROLE "HOW" FILE LOST     ROLE: ours, peer or floor; FILE: a number per line; LOST: runs without one
#	bench_end                                  writes build/bench/NAME.json (docs/performance.md) and prints its table
#
# shellcheck shell=bash

bench_begin() {
	bench_name=$1 bench_what=$2 bench_unit=$3
	bench_parts=$(mktemp -d)
	mkdir -p build/bench
}

# Percentiles are by nearest rank, so each is a value that was measured; below 100 runs p99 is the greatest.
bench_series() {
	sort -n "$4" | jq -s --arg name "$1" --arg role "$2" --arg how "$3" --argjson lost "$5" --arg unit "$bench_unit" '
		def rank($p): if length == 0 then null else .[([(length * $p / 100 | ceil), 1] | max) - 1] end;
		{name: $name, unit: $unit, role: $role, how: $how, runs: length, lost: $lost,
		 p50: rank(50), p99: rank(99), min: .[0], max: .[-1], values: .}' >"$bench_parts/$1.json"
}

# Ours is held against the best of the peers, or the floor where there is no peer.
bench_end() {
	local file=build/bench/$bench_name.json
	jq -s --arg what "$bench_what" --arg at "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
		--arg commit "$(git describe --always --dirty 2>/dev/null)" \
		--arg host "$(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r), lab $(tests/lab/lab kind), load $(cut -d' ' -f1 /proc/loadavg)" '
		. as $all |
		{commit: $commit, host: $host, at: $at, what: $what, runs: (map(.runs) | max), figures:
		 (sort_by(["ours", "peer", "floor"] as $o | .role as $r | $o | index($r)) |
		  map(.unit as $unit | ($all | map(select(.unit == $unit)) |
		      (map(select(.role == "peer" and .p50)) | sort_by(.p50)) + map(select(.role == "floor")) | first) as $peer |
		      {name, unit, p50, p99} +
		      (if .role == "ours" and $peer and $peer.p50 and .p50
		       then {peer: $peer.name, peer_p50: $peer.p50, ratio: (.p50 / $peer.p50 * 1000 | round / 1000)}
		       else {} end) + {role, how, runs, lost, min, max}))}' "$bench_parts"/*.json >"$file"
	rm -rf "$bench_parts"
	jq -r '"\(.what); \(.host)"' "$file"
	jq -r '(["figure", "unit", "role", "runs", "lost", "p50", "p99", "min", "max", "ratio"] | @tsv),
		(.figures[] | [.name, .unit, .role, .runs, .lost, .p50, .p99, .min, .max, .ratio // ""] | @tsv)' "$file" | column -t -s "$(printf '\t')"
	echo "written: $file"
}
