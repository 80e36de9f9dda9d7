#!/bin/bash
# The lab itself: exit status, output apart and byte for byte, time limit, two machines at once, a machine that stays
# up with commands at the same time, and clear words where it cannot run.
set -u
cd "$(dirname "$0")/../.." || exit 1
lab=tests/lab/lab
tmp=$(mktemp -d)
name=test-$$
trap '$lab stop $name >/dev/null 2>&1; rm -rf "$tmp"' EXIT
failed=0
check() { # check TEXT CONDITION...
	local text=$1
	shift
	if "$@"; then echo "ok: $text"; else echo "FAIL: $text"; failed=1; fi
}

echo "one command: status, output apart"
$lab run -- sh -c 'echo out; echo err >&2; hostname; test -c /dev/kvm && echo kvm; exit 7' >"$tmp/out" 2>"$tmp/err"
rc=$?
[ $rc != 77 ] || { cat "$tmp/err"; exit 77; }
check "the exit status is the command's" [ $rc = 7 ]
check "standard output is the command's alone, on an endpoint with /dev/kvm" [ "$(cat "$tmp/out")" = "$(printf 'out\nendpoint\nkvm')" ]
check "standard error is the command's alone" [ "$(cat "$tmp/err")" = err ]

echo "two machines at once, one of them over its time limit"
$lab run --disk 1 -- sh -c 'mountpoint -q /scratch && findmnt -no FSTYPE /scratch' >"$tmp/two" 2>&1 &
other=$!
$lab run --timeout 25 -- sleep 600 >"$tmp/late" 2>&1
check "the time limit gives 124" [ $? = 124 ]
check "and says so" grep -q "time limit" "$tmp/late"
wait $other
check "the other one has its scratch disk" [ "$(cat "$tmp/two")" = ext4 ]

echo "a machine that stays"
$lab start $name || exit 1
head -c 2000000 /dev/urandom >"$tmp/bytes"
$lab exec $name -i -- cat <"$tmp/bytes" >"$tmp/back"
check "two million random bytes come back as they went" cmp -s "$tmp/bytes" "$tmp/back"
for i in 1 2 3 4; do $lab exec $name -- sh -c "sleep 1; echo $i" >"$tmp/at-once-$i" & pids[i]=$!; done
wait "${pids[@]}"
check "four commands at once each have their own output" [ "$(cat "$tmp"/at-once-?)" = "$(seq 4)" ]
$lab exec $name -- sh -c 'kill -TERM $$'
check "a signal's status is a shell's" [ $? = 143 ]
$lab exec $name -- /no/such/program 2>"$tmp/err"
check "a missing program is 127" [ $? = 127 ]
check "another user's command is his" [ "$($lab exec $name -u nobody -- id -un)" = nobody ]
check "a terminal is one" $lab exec $name -t -- test -t 1
$lab stop $name
$lab exec $name -- true 2>"$tmp/err"
check "a stopped machine is 125" [ $? = 125 ]

if [ "$($lab kind)" = qemu ]; then
	LAB_BOOT=/nonexistent $lab run -- true 2>"$tmp/err"
	check "a missing kernel is 77" [ $? = 77 ]
	check "and names the package" grep -q linux-image-amd64 "$tmp/err"
fi
if [ "$($lab kind)" = qemu ]; then
	echo "the direct way, on the /dev/kvm of a machine that has one: this one's lab"
	# shellcheck disable=SC2016
	$lab run -- bash -c '
		"$0" kind
		"$0" run --disk 1 -- sh -c "useradd -m made-there && hostname && findmnt -no FSTYPE /scratch; exit 7"
		echo "$? $(getent passwd made-there || echo unchanged) $(mount | grep -c ampoule-lab)"' $lab >"$tmp/out" 2>"$tmp/err"
	check "it changes nothing of that machine" [ "$(cat "$tmp/out")" = "$(printf 'direct\nendpoint\next4\n7 unchanged 0')" ]
fi

if [ -n "${FULL:-}" ]; then
	echo "fifty machines, one after another"
	lost=0
	for i in $(seq 50); do
		[ "$($lab run -- sh -c 'test -c /dev/kvm && echo up')" = up ] || { lost=$((lost + 1)); echo "run $i was lost"; }
	done
	check "none of fifty runs is lost" [ $lost = 0 ]
fi
exit $failed
