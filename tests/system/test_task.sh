#!/bin/bash
# One task in one micro-VM, from its standard input to its exit status: what init, the vsock device and the microvm
# make of it together, under a real kernel.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/support/checks.sh
. tests/support/checks.sh
image=build/tiny-image
log=$(mktemp)

if [ -z "${TEST_TASK_HERE:-}" ]; then
	make --no-print-directory -s build/debug/bin/{ampoule-microvm,ampoule-init,microvm-drive} >&2 || exit 1
	tests/support/tiny-image "$image" || exit
	exec tests/lab/lab run --timeout 900 -- env TEST_TASK_HERE=1 "$0" "$@"
fi

run() { # run [DRIVE-OPTION...] -- ARGV...; states, events and the guest's log go to $log
	build/debug/bin/microvm-drive --microvm build/debug/bin/ampoule-microvm --memory 128 \
		--kernel "$image/kernel" --initrd "$image/initrd" --root "$image/root" "$@" 2>"$log"
}
task_log() { grep -v -e '^<' -e '^drive: ' "$log"; }

out=$(printf 'one\ntwo\n' | run -- /bin/sh -c 'cat; echo apart >&2; echo anew >/dev/stdout; id -u; exit 7')
ok "the task's exit status is ours" $? 7
ok "input and output pass, /dev/stdout can be opened, the task has its user" "$out" $'one\ntwo\nanew\n1000'
ok "stderr is apart from stdout" "$(task_log)" apart
ok "the root is mounted with DAX" "$(grep -c 'ready dax=1' "$log")" 1

want=$(seq 1 500000 | md5sum)
ok "megabytes through the guest come back unchanged" "$(seq 1 500000 | run -- /bin/cat | md5sum)" "$want"

count=$(run -- /bin/yes | head -c 5000000 | wc -c; exit "${PIPESTATUS[0]}")
ok "a reader that leaves ends the task by SIGPIPE" "$count $?" "5000000 141"

count=$(run -- /bin/sh -c 'yes | head -c 2000000; echo written >&2; exit 5' | (sleep 20; grep -c written "$log"; wc -c))
ok "a slow reader holds the task back and loses nothing" "$count" $'0\n2000000'

run -- /bin/sh -c 'sleep 1000 & kill -9 $$'
ok "a task that dies by a signal is told, whatever it left behind" $? 137

run -- /bin/nothing
ok "a program that is not there is no exit status" $? 125
ok "and the reason is told" "$(grep -c 'exit why=2 detail=2' "$log")" 1

run -- /bin/sleep 1000 &
for _ in $(seq 600); do grep -q 'drive: state 3' "$log" && break; sleep 0.1; done
kill -TERM "$(pgrep -P $!)"
wait $!
ok "a signal reaches the task" $? 143

rm -f "$log"
exit $failed
