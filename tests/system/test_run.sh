#!/bin/bash
# The endpoint without a server: keys pinned by hand, a policy signed here, a golden image installed from its
# folder, two users. What `ampoule` and ampoule-agent make of real tasks on real files.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/support/checks.sh
. tests/support/checks.sh
image=$PWD/build/images/debian-docs
pdf=$PWD/build/story/report.pdf
bin=$PWD/build/debug/bin

if [ -z "${TEST_RUN_HERE:-}" ]; then
	make --no-print-directory -s build/debug/bin/{ampoule,ampoule-agent,ampoule-link,ampoule-helper,ampoule-microvm,sign-policy} >&2 || exit 1
	golden-image/build-image golden-image/recipes/debian-docs.recipe >&2 || exit 1
	(. tests/story/endpoint.sh && story_pdf) >&2 || exit 1
	exec tests/lab/lab run --timeout 1500 --disk 4 --mem 5120 -- env TEST_RUN_HERE=1 "$0" "$@"
fi

state=/scratch/agent
work=/scratch/work
log=$work/agent.log
export AMPOULE_RUN_DIR=/run/ampoule

ampoule() { as "$1" "$bin/ampoule" "${@:2}"; }
envelope() { # envelope SERIAL DOCUMENT [GROUP] [EXPIRES] [KEY]
	"$bin/sign-policy" sign "${5:-$work/policy.key}" "${3:-default}" "$1" "${4:-0}" "$2" >"$work/envelope"
}
agent() { "$bin/ampoule-agent" "$@" --state-dir "$state"; }

mkdir -p "$work"
tests/story/endpoint-accounts "$pdf" || exit 1
key=$("$bin/sign-policy" key "$work/policy.key")
"$bin/sign-policy" key "$work/other.key" >/dev/null

echo "# the stores refuse what is not signed for this endpoint"
agent trust --group default --policy-key "$key" --image-key "$(cat "${image%/*}/builder.pub")" || exit 1
envelope 5 tests/story/policy.yaml default 0 "$work/other.key"
has "a policy of another key" "$(agent policy-install "$work/envelope" 2>&1)" "no policy key of this endpoint"
envelope 5 tests/story/policy.yaml others
has "a policy for another group" "$(agent policy-install "$work/envelope" 2>&1)" "for another group"
envelope 5 tests/story/policy.yaml default 1000
has "an expired policy" "$(agent policy-install "$work/envelope" 2>&1)" "expired"
envelope 5 tests/story/policy.yaml
has "a good policy is put in force" "$(agent policy-install "$work/envelope" 2>&1)" "serial 5 is in force"
envelope 4 tests/story/policy.yaml
has "an older serial" "$(agent policy-install "$work/envelope" 2>&1)" "not above 5"
mkdir "$work/bad"
cp "$image"/{manifest.json,manifest.sig,kernel,initramfs,programs,root} "$work/bad/"
printf x | dd of="$work/bad/initramfs" bs=1 seek=1000 conv=notrunc status=none
has "an image with a changed file" "$(agent image-install "$work/bad" 2>&1)" "another digest"
sed -i 's/debian-docs/debian-evil/' "$work/bad/manifest.json"
has "an image with a changed manifest" "$(agent image-install "$work/bad" 2>&1)" "no image key of this endpoint"
rm -r "$work/bad"
has "a good image" "$(agent image-install "$image" 2>&1)" "image debian-docs is in the store"

setsid "$bin/ampoule-agent" run --state-dir "$state" --boot-limit 240 >"$log" 2>&1 </dev/null &
agent_pid=$!
wait_for ampoule user1 status

echo "# a document is read in a micro-VM"
out=$(ampoule user1 run -- mutool draw -F txt report.pdf 2>"$work/err")
ok "mutool's exit status" $? 0
has "the first page" "$out" "Shared MIME-info Database"
has "the last page" "$out" "References"
has "stderr is apart" "$(cat "$work/err")" "warning: "
ampoule user1 run -- mutool draw -F nosuchformat report.pdf >/dev/null 2>"$work/err"
ok "a failing task's status" $? 1
ampoule user1 run -- mutool draw -F txt report.pdf >"/home/user1/out.txt" 2>/dev/null
ok "output into a file of the host" "$? $(grep -c References /home/user1/out.txt)" "0 $(grep -c References <<<"$out")"

echo "# a template is made in the background, and tasks are clones from then on"
has "status tells of it" "$(ampoule user1 status)" "template   debian-docs"
template() { [ "$(ampoule user1 status --json | jq -r '.templates[0].state')" = "$1" ]; }
wait_for template ready
has "the template is ready" "$(ampoule user1 status)" "256 MiB, 1 CPU: ready"
begin=$(date +%s%N)
out=$(ampoule user1 run -- mutool draw -F txt report.pdf 2>"$work/err")
rc=$?
took=$((($(date +%s%N) - begin) / 1000000))
ok "the next task is drawn in $took ms" $rc 0
has "by a clone" "$(grep "vm: started" "$log" | tail -n1)" "clone=1"
has "down to the last page" "$out" "References"

echo "# what is refused before anything starts"
out=$(ampoule user1 run -- nosuchprogram report.pdf 2>&1)
ok "a program that no image has" $? 127
has "is told" "$out" "no image of the policy has a program"
out=$(ampoule user1 run -- mutool draw -F txt notes/todo.txt 2>&1)
ok "a file that no task takes" $? 125
has "is told" "$out" "the policy has no task for"
out=$(ampoule user1 run -- mutool draw -F txt /etc/hostname.pdf 2>&1)
ok "a file that is not there is no file" $? 125
cp "$pdf" /tmp/outside.pdf && chmod 644 /tmp/outside.pdf
out=$(ampoule user1 run -- mutool draw -F txt /tmp/outside.pdf 2>&1)
ok "a file outside the view's places" $? 125
has "is told" "$out" "only files below /home"

echo "# a hostile script, as root in its guest"
before=$(sha256sum /home/user1/{report.pdf,hostile.py,.ssh/id_rsa})
out=$(ampoule user1 run -- python3 hostile.py 2>"$work/err")
ok "it ran to its end" $? 0
has "as root" "$out" "uid: 0"
has "the private key" "$out" "private key: EACCES"
has "another user's file" "$out" "another user: ENOENT"
has "a file nobody named" "$out" "hidden file: ENOENT"
has "/home has what its view names" "$out" "homes: user1"
has "python is overwritten in its guest" "$out" "python: overwritten"
has "python is unharmed in the next micro-VM" "$(ampoule user1 run -- python3 hostile.py 2>/dev/null)" "link of python: READ 6"
ok "the originals are untouched" "$(sha256sum /home/user1/{report.pdf,hostile.py,.ssh/id_rsa})" "$before"
id=$(ampoule user1 ls --json | jq -r '.vms[0].id')
out=$(ampoule user1 explain "$id")
has "explain names the path" "$out" "/home/user1/.ssh/id_rsa"
has "and the rule" "$out" "no-keys"

echo "# a terminal gets text and colours, never commands"
cat >/home/user1/escape.py <<'END'
print("\033]0;title\007\033[31mred\033[0m\033[2J", end="")
END
export -f ampoule as && export bin
out=$(script -qec "ampoule user1 run -- python3 escape.py" /dev/null </dev/null)
has "colours pass, the rest is shown" "$out" $'^[]0;title^G\033[31mred\033[0m^[[2J'
has "raw is raw" "$(script -qec "ampoule user1 run --raw -- python3 escape.py" /dev/null </dev/null)" $'\033]0;title'

echo "# a policy reaches a running micro-VM"
ampoule user1 run -- python3 watch.py 300 >"$work/watch" 2>&1 &
watcher=$!
wait_for grep -q reading "$work/watch"
envelope 6 tests/story/policy-2.yaml
has "the running agent takes it" "$(agent policy-install "$work/envelope" 2>&1)" "in force"
wait "$watcher"
ok "it met the new verdict" "$? $(tail -n1 "$work/watch")" "0 refused: EACCES"
has "status shows serial 6" "$(ampoule user1 status --json | jq -c .policy.serial)" 6

echo "# standard streams are a rule of the policy"
{ cat tests/story/policy-2.yaml; printf '%s\n' --- 'ampoule: 1' 'kind: delta' 'id: streams' 'extends: office' 'group: default' \
	'tasks: [ { id: pdf, stdio: [ { id: no-files, stream: [stdout], to: [file], do: deny } ] } ]'; } >"$work/streams.yaml"
envelope 7 "$work/streams.yaml"
has "a policy of two layers is taken" "$(agent policy-install "$work/envelope" 2>&1)" "in force"
ampoule user1 run -- mutool draw -F txt report.pdf >/home/user1/out2.txt 2>"$work/err"
ok "output into a file of the host is refused before anything starts" "$? $(stat -c %s /home/user1/out2.txt)" "125 0"
has "and told" "$(cat "$work/err")" "its stdout: it is a file"
id=$(ampoule user1 ls --json | jq -r '.vms[0].id')
has "explain names the rule" "$(ampoule user1 explain "$id" 2>&1)" "no-files"
envelope 8 tests/story/policy-2.yaml
has "without that layer it is as before" "$(agent policy-install "$work/envelope" 2>&1)" "in force"

echo "# users are apart"
ampoule user1 run -- python3 sleep.py >/dev/null 2>&1 &
runner=$!
running() { [ "$(ampoule user1 ls --json | jq -r '.vms[0].state')" = running ]; }
wait_for running
id=$(ampoule user1 ls --json | jq -r '.vms[0].id')
ok "user2 sees none" "$(ampoule user2 ls --json | jq '.vms | length')" 0
ok "user2 cannot stop it, nor learn that it is there" "$(ampoule user2 stop "$id" 2>&1)" "$(ampoule user2 stop vm-0 2>&1)"
has "user2 cannot have it explained" "$(ampoule user2 explain "$id" 2>&1)" "no such micro-VM"
ampoule user2 run -- mutool draw -F txt /home/user1/report.pdf >"$work/out2" 2>/dev/null
ok "user2 does not get user1's file" "$([ $? != 0 ] && cat "$work/out2")" ""
microvm=$(grep "vm: started" "$log" | tail -n1 | grep -o "[0-9]*$")
ok "the microvm has a uid of its own" "$(ps -o uid= -p "$microvm" | awk '{print ($1 >= 2000000000)}')" 1
ok "no new privileges" "$(awk '/NoNewPrivs/ {print $2}' "/proc/$microvm/status")" 1
ok "an empty root" "$(ls -A "/proc/$microvm/root/" | wc -l)" 0
kill -TERM "$agent_pid"
wait "$runner"
status=$?
wait "$agent_pid"
ok "when the agent ends its micro-VMs end" "$status $(pgrep -cx ampoule-microvm)" "125 0"

exit $failed
