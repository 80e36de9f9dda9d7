#!/bin/bash
# What a task changes under a real guest kernel: in place, saved by rename, mapped, new, deleted. The originals stay as
# they are, and what was changed lies in the store (microvisor/delta.h).
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/support/checks.sh
. tests/support/checks.sh
image=build/tiny-image
log=$(mktemp)
host=$(mktemp -d)
store=$host/store

if [ -z "${TEST_FILES_HERE:-}" ]; then
	make --no-print-directory -s build/debug/bin/{ampoule-microvm,ampoule-init,microvm-drive} >&2 || exit 1
	tests/support/tiny-image "$image" || exit
	exec tests/lab/lab run --timeout 900 -- env TEST_FILES_HERE=1 "$0" "$@"
fi

run() { # run STORE-OPTION... -- SCRIPT; the task is root in its guest
	local options=()
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	rm -rf "$store"
	build/debug/bin/microvm-drive --microvm build/debug/bin/ampoule-microvm --memory 128 --uid 0 --boot-limit 240000 \
		--kernel "$image/kernel" --initrd "$image/initrd" --root "$image/root" --fallback file=hide \
		--rule "file:deny:/home/u/docs/secret/" --rule "file:allow:/home/u/docs/read/" --rule "file:copy:/home/u/docs/" \
		--rule "file:new:/home/u/out/**" --folder "/home/u/docs=$host/docs" --store "$store" \
		"${options[@]}" -- /bin/sh -c "$2" 2>"$log"
}
digest() { find "$host/docs" -type f -exec sha256sum {} + | sort; }

mkdir -p "$host"/docs/{secret,read}
seq 1 100000 >"$host/docs/big.txt"
echo 'first line' >"$host/docs/note.txt"
echo 'a secret' >"$host/docs/secret/s.txt"
echo 'to be read' >"$host/docs/read/r.txt"
echo 'old' >"$host/docs/old.txt"
chmod -R a+rX "$host"
before=$(digest)

out=$(run -- 'cd /home/u/docs
	printf XYZ | dd of=big.txt bs=1 seek=5000 conv=notrunc 2>/dev/null; dd if=big.txt bs=1 skip=4999 count=5 2>/dev/null; echo
	stat -c %s big.txt; sed -i s/first/second/ note.txt; cat note.txt; echo more >>note.txt; wc -l <note.txt
	rm old.txt; ls; mkdir d; echo in >d/f; mv d/f moved.txt; rmdir d; ls; cat moved.txt')
want=$'2XYZ1\n588895\nsecond line\n2\nbig.txt\nnote.txt\nread\nbig.txt\nmoved.txt\nnote.txt\nread\nin'
ok "what is written is read: in place, by sed -i, appended, new, moved, deleted" "$out" "$want"
ok "the originals are untouched" "$(digest)" "$before"
ok "the store has what changed, by its names" "$(cd "$store/tree/home/u/docs" && find . -type f | sort | xargs)" \
	"./big.txt ./moved.txt ./note.txt ./old.txt"
ok "a few bytes of a large file cost a few blocks" "$(($(stat -c %b "$store/tree/home/u/docs/big.txt") <= 64))" 1
ok "a file that was deleted is a mark" "$(stat -c %s "$store/tree/home/u/docs/old.txt")" 72

out=$(run -- 'cd /home/u/docs; echo x >read/r.txt; echo x >read/new; echo x >secret/s.txt; rm read/r.txt; mkdir secret/d
	cat read/r.txt; echo fresh >/home/u/out/f && cat /home/u/out/f; echo x >/home/u/elsewhere')
ok "only where the policy says so" "$out" $'to be read\nfresh'
ok "each refused change is told" "$(sed -n 's/^drive: event.* object=//p' "$log" | sort -u | grep -c docs)" 4
ok "the originals are untouched then too" "$(digest)" "$before"

out=$(run --store-max 2000000 --whole-max 4096 -- 'cd /home/u/docs; dd if=/dev/zero of=fill bs=65536 count=1000 2>&1 | grep -c "No space"
	cat note.txt; rm fill; sed -i s/first/third/ note.txt; cat note.txt')
ok "a full store says so, spoils nothing, and has room again when something is deleted" \
	"$out" $'1\nfirst line\nthird line'
ok "and no more was taken" "$(($(du -s --block-size=1 "$store" | cut -f1) <= 2200000))" 1
ok "the originals were never touched" "$(digest)" "$before"
rm -rf "$log" "$host"
exit $failed
