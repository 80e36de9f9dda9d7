#!/bin/bash
# The view under a real guest kernel: what is shown reads right, what is denied or hidden is refused and told with
# its full path, nothing is written, and a new policy acts on what is open.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/support/checks.sh
. tests/support/checks.sh
image=build/tiny-image
log=$(mktemp)
host=$(mktemp -d)
WRITE=5 CREATE=6 DELETE=7 RENAME=8 # enum mv_op

if [ -z "${TEST_VIEW_HERE:-}" ]; then
	make --no-print-directory -s build/debug/bin/{ampoule-microvm,ampoule-init,microvm-drive} >&2 || exit 1
	tests/support/tiny-image "$image" || exit
	exec tests/lab/lab run --timeout 900 -- env TEST_VIEW_HERE=1 "$0" "$@"
fi

run() { # run [DRIVE-OPTION...] -- SCRIPT; the task is root in its guest
	local options=()
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	build/debug/bin/microvm-drive --microvm build/debug/bin/ampoule-microvm --memory 128 --uid 0 \
		--kernel "$image/kernel" --initrd "$image/initrd" --root "$image/root" --fallback file=hide \
		--rule "file:deny:/home/user1/.ssh/" --rule "file:deny:/home/user1/docs/**.key" \
		--folder "/home/user1/docs=$host/docs" --file "/home/user1/report.pdf=$host/report.pdf" \
		"${options[@]}" -- /bin/sh -c "$2" 2>"$log"
}

mkdir -p "$host"/docs/deep/er "$host/other"
chmod 755 "$host" "$host/docs" "$host/other"
echo 'a note' >"$host/docs/note.txt"
echo 'private' >"$host/docs/deep/a.key"
echo 'below' >"$host/docs/deep/er/b.txt"
ln -s /etc/passwd "$host/docs/link"
mkfifo "$host/docs/fifo"
mknod "$host/docs/deep/null" c 1 3 && chmod 666 "$host/docs/deep/null"
seq 1 200000 >"$host/report.pdf"
before=$(find "$host" -type f -exec md5sum {} +)
sum=$(md5sum <"$host/report.pdf")

out=$(run -- 'cd /home/user1; ls -a . docs docs/deep; cat docs/note.txt docs/deep/er/b.txt; md5sum <report.pdf; stat -c "%a %u %s" report.pdf')
want=$'.:\n.\n..\ndocs\nreport.pdf\n\ndocs:\n.\n..\ndeep\nnote.txt\n\ndocs/deep:\n.\n..\ner\na note\nbelow\n'"$sum"$'\n444 0 1288895'
ok "shares are listed and read; links, FIFOs, devices and denied names are not listed" "$out" "$want"
ok "reading what is allowed is no event" "$(grep -c event "$log")" 0

run -- 'cat /home/user1/.ssh/id_rsa; ls /home/user1/.ssh; cat /home/user1/docs/deep/a.key; cat /home/user2/secret
	cat /home/user1/docs/link; cat /home/user1/docs/deep/null' >/dev/null
ok "keys are denied" "$(grep -c 'Permission denied' "$log")" 3
ok "what is hidden is not there" "$(grep -c 'No such file' "$log")" 3
ok "each is told by its full path" "$(sed -n 's/^drive: event.* object=//p' "$log" | sort | xargs)" \
	"/home/user1/.ssh /home/user1/.ssh/id_rsa /home/user1/docs/deep/a.key /home/user1/docs/deep/null /home/user1/docs/link /home/user2"

run -- 'cd /home/user1; echo x >docs/note.txt; echo x >docs/new; mkdir docs/d; rm docs/note.txt; mv docs/note.txt docs/n
	ln docs/note.txt docs/l; chmod 777 docs/note.txt; touch report.pdf; echo x >.ssh/authorized_keys; rm -rf docs' >/dev/null
ok "nothing of the host changes" "$(find "$host" -type f -exec md5sum {} +)" "$before"
ok "writing, making, removing and renaming are told" "$(for op in $WRITE $CREATE $DELETE $RENAME; do
	grep -q "event class=1 op=$op verdict=4 audit=0 rule=r3 .*object=/home/user1/docs/n" "$log" && echo "$op"; done | xargs)" "$WRITE $CREATE $DELETE $RENAME"
ok "a new file in the key folder is told" "$(grep -c 'event.*object=/home/user1/.ssh/authorized_keys' "$log")" 1

# The task holds the file open while the policy that denies it arrives.
mkfifo "$host/out"
run --replace "file:deny:/home/user1/docs/" -- 'exec 3</home/user1/docs/note.txt; echo open
	while cat /home/user1/docs/note.txt >/dev/null; do sleep 1; done; echo refused; cat <&3' >"$host/out" &
task=$!
{
	read -r first
	kill -USR1 "$(pgrep -P "$task" microvm-drive)"
	read -r second
	read -r third
} <"$host/out"
wait "$task"
ok "a policy that arrives refuses the next access" "$first $second" "open refused"
ok "and the next read of an open file" "$third" ""
ok "told with the new serial" "$(grep -c 'event.*op=1 verdict=4.*serial=2.*object=/home/user1/docs/note.txt' "$log")" 1

rm -rf "$host" "$log"
exit $failed
