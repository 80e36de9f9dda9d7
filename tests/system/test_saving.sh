#!/bin/bash
# What tasks write, on a real endpoint: copied while they run, saved by the user's rights when they have ended, asked
# about, kept, brought back; and what becomes of it when the microvm, the agent or the saver is killed.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/support/checks.sh
. tests/support/checks.sh
image=$PWD/build/images/debian-docs
pdf=$PWD/build/story/report.pdf
bin=$PWD/build/debug/bin

if [ -z "${TEST_SAVING_HERE:-}" ]; then
	make --no-print-directory -s build/debug/bin/{ampoule,ampoule-agent,ampoule-link,ampoule-helper,ampoule-microvm,sign-policy} >&2 || exit 1
	golden-image/build-image golden-image/recipes/debian-docs.recipe >&2 || exit 1
	(. tests/story/endpoint.sh && story_pdf) >&2 || exit 1
	exec tests/lab/lab run --timeout 1500 --disk 4 --mem 5120 -- env TEST_SAVING_HERE=1 "$0" "$@"
fi

state=/scratch/agent
work=/scratch/work
log=$work/agent.log
export AMPOULE_RUN_DIR=/run/ampoule

ampoule() { as "$1" "$bin/ampoule" "${@:2}"; }
start_agent() {
	setsid "$bin/ampoule-agent" run --state-dir "$state" --boot-limit 240 >>"$log" 2>&1 </dev/null &
	agent_pid=$!
	wait_for ampoule user1 status
}
task() { # task NAME: a script of user1's, from stdin
	cat >"/home/user1/$1" && chown user1:user1 "/home/user1/$1"
}
newest() { ampoule user1 ls --json | jq -r '.vms[0].id'; }
fate() { # fate ID PATH: as `ampoule recover` has it
	ampoule user1 recover "$1" --json | jq -r ".[0].changes[] | select(.path == \"$2\") | .fate" | tail -n1
}

mkdir -p "$work"
tests/story/endpoint-accounts "$pdf" || exit 1
as user1 mkdir -p work/auto work/deep
as user1 bash -c 'seq 1 200000 >work/auto/big.txt; echo one >work/auto/a.txt; echo ask >work/ask.txt; chmod 640 work/auto/a.txt'
before=$(sha256sum /home/user1/work/auto/* /home/user1/work/ask.txt)
cat >"$work/policy.yaml" <<-'END'
	ampoule: 1
	kind: base
	id: office
	trust_levels: [trusted, untrusted]
	default_task: refuse
	tasks:
	  - id: script
	    match: { program: [/usr/bin/python3.11], file: ["*.py"] }
	    run: { image: debian-docs, level: untrusted, memory: 256Mi, cpus: 1, quota: 256Mi }
	    file:
	      - { id: script, path: ["{file}"], do: read }
	      - { id: work, path: ["~/work/"], do: copy }
	    save:
	      - { id: auto, path: ["~/work/auto/"], do: save, unsealed: true, max: 16Mi }
	      - { id: rest, path: ["~/work/"], do: ask }
END
key=$("$bin/sign-policy" key "$work/policy.key")
"$bin/ampoule-agent" trust --state-dir "$state" --group default --policy-key "$key" --image-key "$(cat "${image%/*}/builder.pub")" || exit 1
"$bin/sign-policy" sign "$work/policy.key" default 1 0 "$work/policy.yaml" >"$work/envelope"
"$bin/ampoule-agent" policy-install --state-dir "$state" "$work/envelope" || exit 1
"$bin/ampoule-agent" image-install --state-dir "$state" "$image" || exit 1
start_agent

echo "# while a task runs the host's files are as they were"
task write.py <<-'END'
	import os, sys, time
	with open("work/auto/big.txt", "r+b") as f:
	    f.seek(500000); f.write(b"CHANGED"); f.flush(); os.fsync(f.fileno())
	with open("work/auto/.a.tmp", "w") as f:
	    f.write("two\n")
	os.rename("work/auto/.a.tmp", "work/auto/a.txt")
	os.makedirs("work/auto/made/in")
	open("work/auto/made/in/new.txt", "w").write("new\n")
	os.chmod("work/auto/made/in/new.txt", 0o6777)
	open("work/ask.txt", "a").write("asked\n")
	open("work/.hidden", "w").write("no\n")
	os.remove("work/deep/gone.txt")
	print("written", flush=True)
	while os.path.exists("work/deep/wait") and not os.path.exists("go"):
	    time.sleep(0.2)
END
as user1 touch work/deep/gone.txt work/deep/wait
ampoule user1 run -- python3 write.py >"$work/out" 2>"$work/err" &
runner=$!
wait_for grep -q written "$work/out"
id=$(newest)
ok "the originals" "$(sha256sum /home/user1/work/auto/* /home/user1/work/ask.txt 2>&1)" "$before"
has "review tells what will be saved" "$(ampoule user1 review "$id")" "to be saved  changed  /home/user1/work/auto/big.txt"
has "and asked about" "$(ampoule user1 review "$id")" "to be asked about changed  /home/user1/work/ask.txt"
has "another user sees none of it" "$(ampoule user2 review "$id" 2>&1)" "no such micro-VM"
ok "the store is the micro-VM's alone" "$(stat -c '%u %a' "$state/deltas/$(id -u user1)/$id/store" | awk '{print ($1 >= 2000000000), $2}')" "1 700"

echo "# when it has ended"
as user1 rm work/deep/wait
wait "$runner"
ok "its exit status" $? 0
err=$(cat "$work/err")
has "what was saved is told" "$err" "saved        changed  /home/user1/work/auto/big.txt"
has "what was new" "$err" "saved        new      /home/user1/work/auto/made/in/new.txt"
has "what nobody could be asked about" "$err" "/home/user1/work/ask.txt (10 bytes): nobody was there"
has "what has a hidden name" "$err" "/home/user1/work/.hidden (3 bytes): its name hides it"
has "what was deleted" "$err" "deleted  /home/user1/work/deep/gone.txt"
ok "the changed bytes" "$(dd if=/home/user1/work/auto/big.txt bs=1 skip=500000 count=7 status=none)" CHANGED
ok "and no other" "$(seq 1 200000 | cmp -l - /home/user1/work/auto/big.txt | wc -l)" 7
ok "a file saved by renaming" "$(cat /home/user1/work/auto/a.txt) $(stat -c '%U:%G %a' /home/user1/work/auto/a.txt)" "two user1:user1 640"
ok "no bit that a guest may not give" "$(stat -c '%U %a' /home/user1/work/auto/made/in/new.txt)" "user1 644"
ok "what was deleted is there" "$(ls /home/user1/work/deep)" gone.txt
ok "nothing else appeared" "$(find /home/user1/work -mindepth 1 -printf "%P\n" | sort | paste -sd " ")" \
	"ask.txt auto auto/a.txt auto/big.txt auto/made auto/made/in auto/made/in/new.txt deep deep/gone.txt"
ok "the version before is put back" "$(ampoule user1 recover "$id" work/auto/a.txt --before >/dev/null && cat /home/user1/work/auto/a.txt)" one
ok "what was kept is brought back" "$(ampoule user1 recover "$id" work/ask.txt >/dev/null && tail -n1 /home/user1/work/ask.txt)" asked
has "and its version before kept" "$(ampoule user1 recover "$id")" "/home/user1/work/ask.txt (10 bytes), the version before is kept"
has "another user has none of it" "$(ampoule user2 recover "$id" 2>&1)" "nothing is kept"
ampoule user1 recover "$id" --destroy
has "destroyed is gone" "$(ampoule user1 recover)" "nothing is kept"

echo "# somebody changes the original meanwhile"
task edit.py <<-'END'
	import time, os
	open("work/auto/a.txt", "a").write("of the task\n")
	print("written", flush=True)
	while os.path.exists("work/deep/wait"):
	    time.sleep(0.2)
END
as user1 touch work/deep/wait
ampoule user1 run -- python3 edit.py >"$work/out" 2>"$work/err" &
runner=$!
wait_for grep -q written "$work/out"
id=$(newest)
as user1 bash -c 'echo "of the user" >>work/auto/a.txt; rm work/deep/wait'
wait "$runner"
has "both are kept and told" "$(cat "$work/err")" "saved beside"
ok "the user's" "$(tail -n1 /home/user1/work/auto/a.txt)" "of the user"
ok "the task's" "$(tail -n1 "/home/user1/work/auto/a.$id.txt")" "of the task"

echo "# asked on a terminal"
task ask.py <<-'END'
	open("work/ask.txt", "w").write("yes\n")
END
as user1 script -qec "$bin/ampoule run -- python3 ask.py" /dev/null >"$work/tty" 2>&1 < <(
	wait_for grep -q 'ampoule: save' "$work/tty"
	echo y
	sleep 1
)
has "the question" "$(cat "$work/tty")" "save the changed file /home/user1/work/ask.txt (4 bytes)?"
ok "the answer counts" "$(cat /home/user1/work/ask.txt)" yes

echo "# whatever is killed, the originals are whole and nothing is saved by itself"
task long.py <<-'END'
	import os, time
	with open("work/auto/a.txt", "w") as f:
	    f.write("half"); f.flush()
	    print("written", flush=True)
	    time.sleep(600)
END
whole=$(sha256sum </home/user1/work/auto/a.txt)
begin() {
	: >"$work/out"
	ampoule user1 run -- python3 long.py >"$work/out" 2>"$work/err" &
	runner=$!
	wait_for grep -q written "$work/out"
	id=$(newest)
}
begin
pkill -9 -x ampoule-microvm # the shells too
wait "$runner"
has "a killed microvm's is told" "$(cat "$work/err")" "it may be incomplete"
ok "and kept" "$(fate "$id" /home/user1/work/auto/a.txt) $(sha256sum </home/user1/work/auto/a.txt)" "not saved $whole"
begin
ampoule user1 stop "$id"
wait "$runner"
ok "a stopped one's is kept" "$(fate "$id" /home/user1/work/auto/a.txt) $(sha256sum </home/user1/work/auto/a.txt)" "not saved $whole"
begin
kill -9 "$agent_pid"
wait "$runner" "$agent_pid" 2>/dev/null
ok "a killed agent's micro-VM ends" "$(wait_for eval '! pgrep -x ampoule-microvm'; pgrep -cx ampoule-microvm)" 0
start_agent
has "its store is found, possibly incomplete" "$(ampoule user1 recover "$id")" "possibly incomplete"
ok "the original is whole" "$(sha256sum </home/user1/work/auto/a.txt)" "$whole"
ok "and it is brought back by its user" "$(ampoule user1 recover "$id" work/auto/a.txt >/dev/null; cat /home/user1/work/auto/a.txt)" half

echo "# many files, interrupted"
task many.py <<-'END'
	import os
	os.makedirs("work/auto/many")
	for i in range(800):
	    open("work/auto/many/%04d" % i, "w").write("%d\n" % i)
	print("written", flush=True)
END
: >"$work/out"
ampoule user1 run -- python3 many.py >"$work/out" 2>"$work/err" &
runner=$!
wait_for grep -q written "$work/out"
id=$(newest)
wait_for test -e /home/user1/work/auto/many/0020
pkill -INT -P "$runner" -x ampoule || kill -INT "$(pgrep -nx ampoule)"
wait "$runner"
saved=$(find /home/user1/work/auto/many -type f | wc -l)
kept=$(ampoule user1 recover "$id" --json | jq '[.[0].changes[] | select(.fate == "not saved" and .change == "new")] | length')
ok "none is lost: $saved saved, $kept kept" $((saved + kept)) 800
ok "some were saved, some kept" "$((saved > 0)) $((kept > 0))" "1 1"
ok "each whole" "$(find /home/user1/work/auto/many -type f -empty | wc -l)" 0
ampoule user1 recover "$id" --all >"$work/all"
ok "the rest is brought back" "$(find /home/user1/work/auto/many -type f | wc -l)" 800
ok "no spare name is left" "$(find /home/user1 -name '.ampoule-*' | wc -l)" 0

kill -TERM "$agent_pid"
wait
exit $failed
