#!/bin/bash
# The machine under real kernels: it boots, its process is jailed, and whatever a hostile guest's root does to the
# machine itself is refused, told, and ends where the policy says so.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/support/checks.sh
. tests/support/checks.sh
image=build/tiny-image
golden=build/images/debian-docs
log=$(mktemp)
MACHINE=9 PORT=5 MMIO=6 MSR=7 # enum mv_class
RNG=0xd0001000                # the entropy device's registers

if [ -z "${TEST_BOOT_HERE:-}" ]; then
	make --no-print-directory -s build/debug/bin/{ampoule-microvm,ampoule-init,microvm-drive} >&2 || exit 1
	tests/support/tiny-image "$image" || exit
	exec tests/lab/lab run --timeout 900 -- env TEST_BOOT_HERE=1 FULL="${FULL:-}" "$0" "$@"
fi

drive() { # drive IMAGE [DRIVE-OPTION...] -- ARGV...; states, events and the guest's log go to $log
	local from=$1
	shift
	build/debug/bin/microvm-drive --microvm build/debug/bin/ampoule-microvm --kernel "$from/kernel" \
		--initrd "$from/initrd" --root "$from/root" --memory 128 "$@" 2>"$log"
}
hostile() { # hostile [DRIVE-OPTION...] -- SCRIPT, run by the guest's root; an incident is only told
	local options=()
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	drive "$image" --uid 0 --fallback machine=deny "${options[@]}" -- /bin/sh -c "$2"
}
told() { sed -n "s/^drive: event class=$1 .* object=//p" "$log" | sort -u | xargs; }
ended() { sed -n 's/^drive: exit \(why=[0-9]*\).*/\1/p' "$log"; }
wait_for_task() { for _ in $(seq 600); do grep -q 'drive: state 3' "$log" && return; sleep 0.1; done; }

# --- boots
out=$(drive "$image" -- /bin/sh -c 'grep -c " / overlay " /proc/mounts; exit 3')
ok "the stock kernel boots to a task" "$out $?" "1 3"
ok "the root is mounted with DAX" "$(grep -c 'ready dax=1' "$log")" 1
ok "an honest guest is no event" "$(grep -c 'drive: event' "$log")" 0

if [ -f "$golden/root" ]; then # made by golden-image/build-image, which tests/system/run has done
	out=$(build/debug/bin/microvm-drive --kernel "$golden/kernel" --initrd "$golden/initramfs" --root "$golden/root" \
		-- /bin/sh -c 'echo golden; exit 4' 2>"$log")
	ok "the cloud kernel boots the golden image" "$out $? $(grep -c 'ready dax=1' "$log")" "golden 4 1"
fi

# --- the process
drive "$image" -- /bin/sleep 1000 &
drive=$!
wait_for_task
vm=$(pgrep -x ampoule-microvm)
status=$(awk '/^(Uid|NoNewPrivs|CapEff|CapBnd|Groups):/ {printf "%s%s ", $1, $2}' "/proc/$vm/status")
case $status in
"Uid:2000000000 "*"CapEff:0000000000000000 "*"NoNewPrivs:1 "*) jailed=yes ;;
*) jailed="no: $status" ;;
esac
ok "the microvm has its own uid, no capability, and cannot gain any" "$jailed" yes
ok "its root is empty" "$(ls -A "/proc/$vm/root/" | wc -l)" 0
ok "it holds no descriptor of a folder, and of no file but its log's" \
	"$(find "/proc/$vm/fd" -type l -printf '%l\n' | grep '^/' | grep -vxE "/dev/null|/dev/pts/.*|$log|pipe:.*" | xargs)" ""
ok "its main loop sleeps while the guest is idle" "$(a=$(awk '/^voluntary/ {print $2}' "/proc/$vm/status"); sleep 5
	b=$(awk '/^voluntary/ {print $2}' "/proc/$vm/status"); [ $((b - a)) -le 2 ] && echo calm || echo "woke $((b - a)) times")" calm
pid=$(pgrep -P $drive -x microvm-drive)
kill -KILL "${pid:-$drive}"
wait $drive 2>/dev/null
for _ in $(seq 30); do [ -d "/proc/$vm" ] || break; sleep 0.1; done
ok "it ends when the control socket closes" "$([ -d "/proc/$vm" ] && echo runs || echo ended)" ended

# --- ends
hostile -- 'echo b >/proc/sysrq-trigger; sleep 1000'
ok "a reset ends the micro-VM" "$? $(told $MACHINE) $(ended)" "125 reset why=6"
hostile --cmdline 'console=ttyS0 quiet panic=-1 pci=off reboot=t' -- 'echo c >/proc/sysrq-trigger; sleep 1000'
ok "so do a panic and a triple fault" "$? $(told $MACHINE) $(ended)" "125 triple-fault why=6"
hostile --lifetime 25000 -- 'halt -f -n; sleep 1000'
ok "a guest that halts for ever ends by its lifetime, or with its connection" \
	"$? $(ended | grep -cE 'why=[46]')" "125 1"
hostile --boot-limit 300 -- 'true'
ok "one that does not come up ends by the boot limit" "$? $(ended)" "125 why=7"
build/debug/bin/microvm-drive --kernel "$image/root" --initrd "$image/initrd" --root "$image/root" -- /bin/true 2>"$log"
ok "a kernel that is none is an error, not a crash" "$? $(grep -c 'cannot load the kernel: Exec format error' "$log")" "125 1"
hostile --stop-after 3000 -- 'sleep 1000'
ok "STOP ends it" "$? $(ended)" "125 why=3"

# --- what is not there; the golden root; rings of garbage: the kernel's command line as a ring, and no memory at all
# shellcheck disable=SC2016
script='busybox mknod /dev/port c 1 4; busybox mknod /dev/mem c 1 1; busybox mknod /dev/msr c 202 0
	busybox mknod /dev/root b $(busybox tr : " " </sys/class/block/pmem0/dev)
	w() { busybox devmem $(($RNG + $1)) 32 $2; }
	rings() {
		for v in 0 1 3; do w 0x70 $v; done
		w 0x24 1; w 0x20 1; w 0x70 11; w 0x30 0; w 0x38 8; w 0x80 $1; w 0x90 0x20000; w 0xa0 0x21000
		w 0x44 1; w 0x70 15; w 0x50 0
		echo $(($(busybox devmem $((RNG + 0x70)) 32) & 64))
	}
	dd if=/dev/port bs=1 skip=4660 count=1 of=/dev/null
	busybox devmem 0xc8000000 32 1
	dd if=/dev/msr bs=8 skip=42949 count=1 of=/dev/null
	rings 0x8000; rings 0xfffff000
	dd if=/dev/zero of=/dev/root bs=4096 count=4 oflag=direct
	echo survived'
before=$(md5sum <"$image/root")
hostile --cmdline 'console=ttyS0 quiet panic=-1 pci=off iomem=relaxed' -- "RNG=$RNG; $script" >"$log.out"
ok "a hostile root does its worst, and its own micro-VM goes on" "$? $(xargs <"$log.out")" "0 64 64 survived"
ok "a port where nothing is was told" "$(told $PORT)" 0x1234
ok "and an address" "$(told $MMIO)" 0xc8000000
ok "and an MSR" "$(told $MSR)" 0x53e28
ok "and both broken rings, and the writes to the golden root" "$(told $MACHINE)" "bad-queue root-write"
ok "which has not changed" "$(md5sum <"$image/root")" "$before"

drive "$image" --uid 0 --fallback machine=terminate -- /bin/sh -c \
	'busybox mknod /dev/root b $(busybox tr : " " </sys/class/block/pmem0/dev)
	dd if=/dev/zero of=/dev/root bs=4096 count=1 oflag=direct; sleep 1000'
ok "a policy may end the micro-VM for that, at once" "$? $(told $MACHINE) $(ended)" "125 root-write why=5"

rm -f "$log" "$log.out"
exit $failed
