#!/bin/bash
# The golden image: signed, verified, refused when changed, its programs known, instant when built; with FULL=1 two
# builds are compared bit for bit, and one with Debian's general kernel is built and booted to a task (minutes).
set -u
cd "$(dirname "$0")/../.." || exit 1
tool=build/${VARIANT:-release}/bin/ampoule-image
recipe=golden-image/recipes/debian-docs.recipe
image=build/images/debian-docs
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0
check() { # check TEXT CONDITION...
	local text=$1
	shift
	if "$@"; then echo "ok: $text"; else echo "FAIL: $text"; failed=1; fi
}
refused() { ! "$@" 2>"$tmp/err"; }
lists() { grep -q "^$1	$2" $image/programs; }

golden-image/build-image $recipe || exit 1
start=$SECONDS
golden-image/build-image $recipe || exit 1
check "the second build is instant" [ $((SECONDS - start)) -le 5 ]
pub=$(cat build/images/builder.pub)
check "signature and files are good" "$tool" verify $image --key "$pub"
check "mutool is a program of it" lists /usr/bin/mutool /usr/bin/mutool
check "python3 is resolved" lists /usr/bin/python3 /usr/bin/python3.
check "every program has a real path" [ "$(grep -cv '^/[^	]*	/[^	]*$' $image/programs)" = 0 ]
check "no perl is left" [ "$(grep -c perl $image/programs)" = 0 ]
check "the root is at most 160 MiB" [ "$(stat -c %s $image/root)" -le $((160 << 20)) ]

other=$("$tool" key "$tmp/other.key")
check "another builder's key is refused" refused "$tool" verify $image --key "$other"
mkdir "$tmp/copy"
cp $image/{kernel,initramfs,programs,manifest.json,manifest.sig} "$tmp/copy/"
ln -s "$PWD/$image/root" "$tmp/copy/root"
check "a copy is good" "$tool" verify "$tmp/copy" --key "$pub"
printf 'x' | dd of="$tmp/copy/kernel" bs=1 seek=100000 conv=notrunc status=none
check "a changed byte of the kernel is refused" refused "$tool" verify "$tmp/copy" --key "$pub"
check "and the file is named" grep -q "copy/kernel" "$tmp/err"
cp $image/kernel "$tmp/copy/"
sed -i 's/"version": 1/"version": 2/' "$tmp/copy/manifest.json"
check "a changed manifest is refused" refused "$tool" verify "$tmp/copy" --key "$pub"

if [ -n "${FULL:-}" ]; then
	echo "building twice from nothing"
	golden-image/build-image --fresh --out "$tmp/again" $recipe || exit 1
	golden-image/build-image --fresh --out "$tmp/once-more" $recipe || exit 1
	for file in kernel initramfs root programs packages manifest.json manifest.sig; do
		check "$file is the same, bit for bit" cmp "$tmp/again/$file" "$tmp/once-more/$file"
	done

	echo "the general kernel, booted from its golden image"
	golden-image/build-image golden-image/recipes/debian-docs-stock.recipe || exit 1
	make --no-print-directory -s build/debug/bin/{ampoule-microvm,microvm-drive} >&2 || exit 1
	stock=build/images/debian-docs-stock
	check "its packages name linux-image-6.1, not the cloud's" grep -q '^linux-image-[0-9.]*-[0-9]*-amd64_' $stock/packages
	tests/lab/lab run --timeout 300 -- build/debug/bin/microvm-drive --kernel $stock/kernel --initrd $stock/initramfs \
		--root $stock/root --cmdline "$(jq -r .cmdline $stock/manifest.json)" -- \
		/bin/sh -c 'uname -r; python3 -c "print(6 * 7)"; mutool -v; exit 4' >"$tmp/out" 2>"$tmp/err"
	check "its task's status comes through" [ $? = 4 ]
	check "the kernel is not the cloud's, python3 runs" \
		[ "$(xargs <"$tmp/out" | sed 's/^[0-9.]*-[0-9]*-amd64 //')" = 42 ]
	check "so does mutool" grep -q 'mutool version' "$tmp/err"
	check "its root is mounted with DAX" grep -q 'ready dax=1' "$tmp/err"
fi
exit $failed
