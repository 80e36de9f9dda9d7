#!/bin/bash
# Templates and clones under a real kernel: what a clone shares with its template and what it must not, and every
# template that must be refused. FULL=1: 500 clones in a row instead of 30.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/support/checks.sh
. tests/support/checks.sh
image=build/tiny-image
log=$(mktemp)
work=$(mktemp -d)

if [ -z "${TEST_CLONE_HERE:-}" ]; then
	make --no-print-directory -s build/debug/bin/{ampoule-microvm,ampoule-init,microvm-drive} >&2 || exit 1
	tests/support/tiny-image "$image" || exit
	exec tests/lab/lab run --timeout 1800 -- env TEST_CLONE_HERE=1 FULL="${FULL:-}" "$0" "$@"
fi

drive() { # drive [DRIVE-OPTION...] [-- ARGV...]
	build/debug/bin/microvm-drive --microvm build/debug/bin/ampoule-microvm --memory 128 \
		--kernel "$image/kernel" --initrd "$image/initrd" --root "$image/root" "$@"
}
clone() { drive --clone "$work/t" "$@" 2>"$log"; }
refused() { # refused NAME REASON [DRIVE-OPTION...]: a clone of $work/bad is not started, for this reason
	local name=$1 reason=$2
	shift 2
	drive --clone "$work/bad" "$@" -- /bin/echo started >"$log.out" 2>"$log"
	ok "$name is refused" "$?$(cat "$log.out") $(grep -c "template: refused: .*$reason" "$log")" "125 1"
}
spoil() { rm -rf "$work/bad"; cp -r --sparse=always "$work/t" "$work/bad"; }
poke() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; } # poke FILE OFFSET BYTES

mkdir "$work/t"
drive --key one --template "$work/t" 2>"$log"
ok "a template is made, and its micro-VM ends" "$? $(grep -c 'exit why=9 detail=0' "$log")" "0 1"
before=$(md5sum "$work/t/memory" "$work/t/state")

# --- a clone
out=$(printf 'one\ntwo\n' | clone --key one -- /bin/sh -c 'cat; id -u; grep -c " / overlay " /proc/mounts; exit 7')
ok "a clone runs a task from stdin to exit status" "$? $(echo "$out" | xargs)" "7 one two 1000 1"
out=$(clone --key one -- /bin/sh -c 'a=$(cut -d. -f1 /proc/uptime); sleep 2; echo $(($(cut -d. -f1 /proc/uptime) - a))')
ok "its timers fire and its clock goes on" "$([ "${out:-0}" -ge 2 ] && [ "$out" -le 10 ] && echo yes || echo "after $out s")" yes
out=$(clone --key one -- /bin/sh -c 'for i in 1 2 3 4 5 6 7 8 9; do cat /proc/uptime; sleep 0.1; done' | cut -d' ' -f1)
ok "CLOCK_MONOTONIC never goes back" "$(echo "$out" | sort -n | md5sum)" "$(echo "$out" | md5sum)"
saved=$(date +%s)
out=$(clone --key one -- /bin/date +%s)
now=$(date +%s)
ok "CLOCK_REALTIME is the host's" "$([ "$out" -ge "$saved" ] && [ "$out" -le "$now" ] && echo yes || echo "$saved $out $now")" yes

echo "content" >"$work/file"
out=$(clone --key one --file "/home/user1/file=$work/file" -- /bin/cat /home/user1/file)
ok "a clone has a view of its own" "$out" content

# --- two of them at once
# shellcheck disable=SC2016
names='cat /etc/machine-id /proc/sys/kernel/random/boot_id; hostname; head -c 16 /dev/urandom | md5sum; echo end'
drive --clone "$work/t" --key one -- /bin/sh -c "$names" >"$work/a" 2>"$log" &
first=$!
drive --clone "$work/t" --key one -- /bin/sh -c "$names" >"$work/b" 2>"$log.b"
wait "$first"
ok "both of two clones tell their names" "$(tail -qn1 "$work/a" "$work/b" | xargs)" "end end"
ok "and have nothing in common: machine id, boot id, host name, random bytes" \
	"$(sort "$work/a" "$work/b" | uniq -d)" end
clone --key one -- /bin/sh -c 'cp /proc/self/exe /tmp/x; dd if=/dev/zero of=/tmp/y bs=1M count=16' >/dev/null
ok "whatever clones write, the template stays as it was" "$(md5sum "$work/t/memory" "$work/t/state")" "$before"

# --- no room for a template
mkdir "$work/small"
mount -t tmpfs -o size=24m none "$work/small"
drive --key one --template "$work/small" --boot-limit 60000 2>"$log"
ok "a template without room for its memory fails, and there is no state of it" "$? $(stat -c %s "$work/small/state")" "125 0"
umount "$work/small"

# --- the policy's number of processes
out=$(clone --key one --processes 4 -- /bin/sh -c 'for i in 1 2 3; do sleep 30 & done; echo three; sleep 30 & echo more')
ok "a task has as many processes as the policy allows, and no more" "$out $(grep -c "can't fork" "$log")" "three 1"

# --- templates that are none
spoil; truncate -s -1 "$work/bad/state"; refused "a truncated state" "wrong length" --key one
spoil; : >"$work/bad/state"; refused "an empty state" "wrong length" --key one
spoil; poke "$work/bad/state" 0 X; refused "a file that is no state" "not a template" --key one
spoil; poke "$work/bad/state" 4 '\377'; refused "a state of another version" "another version" --key one
spoil; poke "$work/bad/state" 9000 '\377\376'; refused "an altered state" "damaged" --key one
spoil; refused "a foreign template" "another image" --key two
spoil; truncate -s -4096 "$work/bad/memory"
drive --clone "$work/bad" --key one -- /bin/true 2>"$log"
ok "a truncated memory is refused" "$? $(grep -c "cannot map the guest's memory" "$log")" "125 1"
drive --clone "$work/t" --key one --memory 256 -- /bin/true 2>"$log"
ok "a template of another shape is refused" "$? $(grep -c "cannot map the guest's memory" "$log")" "125 1"

# The CPU's leaves are the last thing in the state; its checksum is made right again.
spoil; python3 - "$work/bad/state" <<'END'
import struct, sys
state = bytearray(open(sys.argv[1], "rb").read())
at = len(state) - 128 * 40
for i in range(struct.unpack_from("<I", state, at - 8)[0]):
    function, index = struct.unpack_from("<II", state, at + 40 * i)
    if (function, index) == (7, 0):
        struct.pack_into("<I", state, at + 40 * i + 16, 0xffffffff)
total = 0xcbf29ce484222325
for byte in state[24:]:
    total = (total ^ byte) * 0x100000001b3 & (1 << 64) - 1
struct.pack_into("<Q", state, 16, total)
open(sys.argv[1], "wb").write(state)
END
drive --clone "$work/bad" --key one -- /bin/true 2>"$log"
ok "a template whose CPU had a feature that this one has not is refused" \
	"$? $(grep -c 'this CPU has other features' "$log")" "125 1"

# --- many
runs=30
[ -n "${FULL:-}" ] && runs=500
lost=0
begin=$(date +%s%N)
for i in $(seq $runs); do
	[ "$(clone --key one --boot-limit 30000 -- /bin/echo "clone $i")" = "clone $i" ] || { lost=$((lost + 1)); cp "$log" "$log.lost"; }
done
[ $lost = 0 ] || cp "$log.lost" "$log"
ok "$runs clones in a row, $((($(date +%s%N) - begin) / runs / 1000000)) ms each: none lost" $lost 0

rm -rf "$work" "$log" "$log".*
exit $failed
