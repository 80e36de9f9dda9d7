#!/bin/bash
# Installs what building, testing and the demo need, as Debian packages. Quick when nothing is missing.
# What an endpoint or a server needs at run time is in deploy/README.md.
set -eu

build="gcc make libc6-dev pkg-config protobuf-c-compiler libprotobuf-c-dev libssl-dev libmicrohttpd-dev
	libpq-dev libjansson-dev libyaml-dev libsqlite3-dev libzstd-dev libargon2-dev liboath-dev
	libcurl4-openssl-dev check libsubunit-dev"
lint="clang-format-14 clang-tidy-14 clang-14 libclang-rt-14-dev libstdc++-12-dev shellcheck git"
lab="qemu-system-x86 linux-image-amd64 busybox-static cpio kmod e2fsprogs util-linux procps"
image="mmdebstrap erofs-utils fsverity zstd xz-utils"
# npm brings the console's Node with it. One that did not come as Debian's package will do as well.
web="chromium"
command -v npm >/dev/null || web="$web npm"
run="postgresql openssl curl jq sqlite3"

die() {
	echo "bootstrap: $*" >&2
	exit 1
}

[ -r /etc/debian_version ] && command -v dpkg-query >/dev/null ||
	die "this is not Debian: install the counterparts of: $build $lint $lab $image $web $run"

# The state of each wanted package; one that dpkg has never heard of prints nothing on standard output.
missing=$(
	# shellcheck disable=SC2086
	{
		dpkg-query -W -f '${db:Status-Status} ${Package}\n' $build $lint $lab $image $web $run 2>/dev/null || true
		printf 'wanted %s\n' $build $lint $lab $image $web $run
	} | awk '$1 == "installed" {have[$2] = 1} $1 == "wanted" {want[$2] = 1}
		END {for (p in want) if (!(p in have)) print p}' | sort
)
[ -n "$missing" ] || exit 0
[ "$(id -u)" = 0 ] || die "not root, and these packages are missing: $(echo "$missing" | xargs)"

echo "bootstrap: installing $(echo "$missing" | xargs)"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update || die "apt-get update failed"
# A kernel is only read by the lab and needs no initramfs or boot loader of its own here.
[ -e /etc/kernel-img.conf ] || printf 'do_symlinks = no\ndo_bootloader = no\n' >/etc/kernel-img.conf
# shellcheck disable=SC2086
INITRD=No apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install $missing >/dev/null ||
	die "apt-get install failed; missing: $(echo "$missing" | xargs)"
