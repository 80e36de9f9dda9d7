#!/bin/bash
# policy: how long a policy takes to be read and checked, compiled and loaded, and to decide, against its number of
# rules. No machine is needed. RUNS=20 of each.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/bench/lib.sh
runs=${RUNS:-20}
work=$PWD/build/bench/policy.work
make --no-print-directory -s VARIANT=release build/release/bin/policy-speed >&2 || exit 1
mkdir -p "$work"
build/release/bin/policy-speed "$runs" >"$work/out" || exit 1
series() { # series ROLE NAME HOW
	sed -n "s/^$2 //p" "$work/out" >"$work/$2"
	bench_series "$2" "$1" "$3" "$work/$2" 0
}
bench_begin policy "one verdict, ns" ns
series floor decide-10 "10 rules, tried one after another"
for n in 100 1000 10000; do series ours decide-$n "$n rules, half of the accesses meet one"; done
bench_end
bench_begin policy-compile "a policy read and checked; compiled for a task and loaded" ms
for n in 10 100 1000 10000; do
	role=ours
	[ $n != 10 ] || role=floor
	series $role read-$n "$n rules, YAML to a checked policy with its notes"
	series $role load-$n "$n rules, compiled for one task and loaded by the arbiter"
done
bench_end
rm -rf "$work"
