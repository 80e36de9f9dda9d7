#!/bin/bash
# boot: from the request to the first byte of the task's output, by a cold boot. Ours: microvm-drive and one
# ampoule-microvm (no agent). The peer: QEMU's microvm machine on the same KVM with the same kernel, the same modules
# and the same EROFS root, its task printing on the serial console. The floor: the same program, started plainly.
# RUNS=10 of each machine, in turns, so that whatever else the computer does meets both.
set -u
cd "$(dirname "$0")/../.." || exit 1
image=build/tiny-image
runs=${RUNS:-10}
release=$PWD/build/release/bin
work=$PWD/build/bench/boot.work

if [ -z "${BENCH_BOOT_HERE:-}" ]; then
	. tests/bench/lib.sh
	make --no-print-directory -s VARIANT=release build/release/bin/{ampoule-microvm,ampoule-init,microvm-drive} >&2 || exit 1
	VARIANT=release tests/support/tiny-image "$image" || exit
	rm -rf "$work"
	mkdir -p "$work"
	echo "bench: $runs boots of each, about $((runs * 25)) s under emulation"
	tests/lab/lab run --timeout 6000 -- env BENCH_BOOT_HERE=1 RUNS="$runs" "$0" >"$work/out" 2>"$work/log" ||
		{ tail -n 20 "$work/out" "$work/log"; exit 1; }
	# The lab's files are gone with it: what it measured comes back by its output.
	for series in ours peer floor; do sed -n "s/^$series //p" "$work/out" >"$work/$series"; done
	lost() { sed -n "s/^lost-$1 //p" "$work/out" | awk '{n += $1} END {print n + 0}'; }
	bench_begin boot "request to first byte of task output, cold boot" ms
	bench_series ampoule-microvm ours "ampoule-microvm by microvm-drive, 128 MiB, EROFS root by pmem and DAX" "$work/ours" "$(lost ours)"
	bench_series qemu-microvm peer "$(qemu-system-x86_64 --version | head -n 1), -M microvm -accel kvm, 128 MiB, EROFS root by virtio-blk" "$work/peer" "$(lost peer)"
	bench_series exec floor "the same busybox sh, started plainly" "$work/floor" "$(lost floor)"
	bench_end
	rm -rf "$work"
	exit
fi

# The peer's initramfs: ours, with another first process and the disk's driver behind its modules.
peer_initrd() {
	local kernel_release tree=/tmp/peer
	kernel_release=$(uname -r) # tiny-image takes the newest stock kernel, as the lab does
	mkdir -p $tree/{bin,dev,proc,sys,mnt}
	cp "$(command -v busybox)" $tree/bin/busybox
	xz -dcf "/lib/modules/$kernel_release/kernel/drivers/block/virtio_blk.ko"* >$tree/virtio_blk.ko
	cat >$tree/init <<-'INIT'
		#!/bin/busybox sh
		/bin/busybox mount -t devtmpfs dev /dev
		while read -r m; do case $m in *vsock* | *pmem* | *rng* | fuse* | virtiofs* | msr*) ;; *) /bin/busybox insmod /modules/$m ;; esac; done </modules/order
		/bin/busybox insmod /virtio_blk.ko
		/bin/busybox mount -t erofs -o ro /dev/vda /mnt
		/bin/busybox chroot /mnt /bin/sh -c 'echo first-byte' >/dev/ttyS0
		/bin/busybox sleep 1000
	INIT
	chmod 755 $tree/init
	{ cat "$image/initrd"; (cd $tree && find . | cpio --quiet -o -H newc | gzip -1); } >/tmp/peer.initrd
}

measure() { # measure SERIES RUNS COMMAND...
	local series=$1 n=$2
	shift 2
	echo "lost-$series $(python3 tests/bench/first-byte.py "$n" 120 /tmp/times -- "$@")"
	sed "s/^/$series /" /tmp/times
}

peer_initrd
ours=("$release/microvm-drive" --microvm "$release/ampoule-microvm" --memory 128 --kernel "$image/kernel"
	--initrd "$image/initrd" --root "$image/root" -- /bin/sh -c 'echo first-byte; sleep 1000')
# shellcheck disable=SC2054
peer=(qemu-system-x86_64 -M microvm,pit=off,pic=off,rtc=off -accel kvm -cpu host -m 128 -smp 1 -nodefaults
	-no-user-config -display none -serial stdio -no-reboot -global virtio-mmio.force-legacy=false
	-kernel "$image/kernel" -initrd /tmp/peer.initrd -append "console=ttyS0 quiet loglevel=0 panic=-1 pci=off"
	-drive "file=$image/root,format=raw,if=none,readonly=on,id=root" -device virtio-blk-device,drive=root)
measure floor 20 busybox sh -c 'echo first-byte'
for _ in $(seq "$runs"); do
	measure ours 1 "${ours[@]}"
	measure peer 1 "${peer[@]}"
done
