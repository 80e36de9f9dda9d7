#!/bin/bash
# A microvm that has fallen to its guest, against its jail; and what is left when a microvm or the agent dies.
# First without an agent, each attack from the vCPU thread of a running micro-VM (tests/support/hostile); then with one.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/support/checks.sh
. tests/support/checks.sh
bin=$PWD/build/debug/bin
tiny=$PWD/build/tiny-image
image=$PWD/build/images/debian-docs
pdf=$PWD/build/story/report.pdf

if [ -z "${TEST_JAIL_HERE:-}" ]; then
	make --no-print-directory -s build/debug/bin/{ampoule,ampoule-agent,ampoule-link,ampoule-helper,ampoule-microvm,ampoule-init,microvm-hostile,microvm-drive,sign-policy} >&2 || exit 1
	tests/support/tiny-image "$tiny" || exit
	golden-image/build-image golden-image/recipes/debian-docs.recipe >&2 || exit 1
	(. tests/story/endpoint.sh && story_pdf) >&2 || exit 1
	exec tests/lab/lab run --timeout 900 --disk 4 -- env TEST_JAIL_HERE=1 "$0" "$@"
fi

work=/scratch/work
state=/scratch/agent
log=$work/log
export AMPOULE_RUN_DIR=/run/ampoule

none() { ! "$@"; }

mkdir -p "$work/docs"
echo "a note" >"$work/docs/note.txt"
echo "a report" >"$work/report.pdf"
chmod 666 "$work/docs/note.txt" "$work/report.pdf"
chmod 777 "$work/docs"
host() { find "$work/docs" "$work/report.pdf" /etc/passwd -printf '%p %m %s %T@\n'; mount | wc -l; }
hostile() { # hostile ID [DRIVE-OPTION...]
	# Pipes, because what the user's own streams are is the task's to write.
	{ "$bin/microvm-drive" --microvm "$bin/microvm-hostile" --memory 128 --kernel "$tiny/kernel" --initrd "$tiny/initrd" \
		--root "$tiny/root" --id "$1" --folder "/home/user1/docs=$work/docs" --file "/home/user1/report.pdf=$work/report.pdf" \
		"${@:2}" -- /bin/sh -c 'cat /home/user1/docs/note.txt' 2>&1 >&3 </dev/null | cat >"$log"; } 3>&1 | cat
}

echo "# without its seccomp filter: namespaces, empty root, Landlock, mount clones, no capabilities"
before=$(host)
hostile free >/dev/null
ok "no attack does what it wants" "$(grep 'hostile: .* DONE' "$log")" ""
ok "each was tried" "$(grep -c 'hostile: nothing is left to try' "$log") $(grep -cE 'hostile: [a-z]+: refused' "$log")" "1 14"
has "also through the descriptors of the shares" "$(grep 'folders tried' "$log")" "tried: 2"
ok "the host is as it was" "$(host)" "$before"

echo "# under its seccomp filter"
out=$(hostile hostile-files)
ok "what the filter allows does nothing through a descriptor" "$(grep 'hostile: .* DONE' "$log")" ""
ok "and refuses, not kills: the guest goes on" "$(grep -c 'hostile: fd .* refused' "$log") $out" "14 a note"
for attack in open socket execve ptrace kill mount memory; do
	hostile "hostile-$attack" >/dev/null
	ok "$attack is the end of it" "$(grep -c -e 'killed by signal 31' -e 'turning against' "$log")" 2
done
ok "the host is as it was" "$(host)" "$before"

echo "# a hostile microvm under an agent"
log=$work/agent.log
ampoule() { as user1 "$bin/ampoule" "$@"; }
start_agent() { # start_agent BIN [CGROUP]
	(echo $BASHPID >"${2:-/sys/fs/cgroup}/cgroup.procs" && exec "$bin/ampoule-agent" run --state-dir "$state" --bin-dir "$1" --boot-limit 240 --shells "${shells:-0}" >>"$log" 2>&1 </dev/null) &
	agent_pid=$!
	wait_for ampoule status
	wait_for settled
}
# No template is being made: that is a micro-VM too, which the counts below do not mean.
settled() { ampoule status --json | jq -e '[.templates[].state] | all(. == "ready" or . == "failed")'; }
stop_agent() { kill -TERM "$agent_pid"; wait "$agent_pid"; }
groups() { find /sys/fs/cgroup/ampoule-* -mindepth 1 -type d 2>/dev/null; }
tests/story/endpoint-accounts "$pdf" || exit 1
key=$("$bin/sign-policy" key "$work/policy.key")
"$bin/sign-policy" sign "$work/policy.key" default 5 0 tests/story/policy.yaml >"$work/envelope"
for command in "trust --group default --policy-key $key --image-key $(cat "${image%/*}/builder.pub")" \
	"policy-install $work/envelope" "image-install $image"; do
	# shellcheck disable=SC2086
	"$bin/ampoule-agent" $command --state-dir "$state" >/dev/null || exit 1
done
mkdir "$work/bin"
ln -s "$bin"/ampoule-{helper,link} "$work/bin/"
ln -s "$bin/microvm-hostile" "$work/bin/ampoule-microvm"

start_agent "$work/bin"
out=$(ampoule run -- mutool draw -F txt report.pdf 2>&1)
ok "its task ends with it" $? 125
has "the user is told" "$out" "killed-by-its-jail signal 31"
has "the agent is unharmed" "$(ampoule status 2>&1)" "isolation  available"
id=$(ampoule ls --json | jq -r '.vms[0].id')
has "it is an event" "$(ampoule explain "$id")" "microvm-killed-by-its-jail"
ok "its cgroup is gone" "$(groups | grep -c "$id")" 0
stop_agent
ok "nothing of it is left" "$(pgrep -c microvm) $(groups)" "0 "

echo "# the jail of a running micro-VM"
start_agent "$bin"
mounts=$(mount | wc -l)
started() { pgrep -x ampoule-microvm; }
running() { [ "$(ampoule ls --json | jq -r '.vms[0].state')" = running ]; }
ampoule run -- python3 sleep.py >/dev/null 2>"$work/err" &
runner=$!
wait_for running
pid=$(started)
shared=$(for ns in user mnt pid net ipc uts; do cmp -s <(readlink /proc/self/ns/$ns) <(readlink "/proc/$pid/ns/$ns") && echo $ns; done)
ok "it shares no namespace with the host" "$shared" ""
ok "no user exists in its user namespace" "$(cat "/proc/$pid/uid_map" "/proc/$pid/gid_map")" ""
ok "no capability in any set" "$(awk '/^Cap/ {print $2}' "/proc/$pid/status" | sort -u)" 0000000000000000
ok "each thread has its filter" "$(awk '/^Seccomp:/ {print $2}' /proc/"$pid"/task/*/status | sort | uniq -c | xargs)" "3 2"
folder=$(groups)
has "its cgroup holds it" " $(xargs <"$folder/cgroup.procs") " " $pid "
ok "with the policy's limits" "$(cat "$folder"/{memory.max,cpu.max,pids.max} | xargs)" "$(((256 + 128) << 20)) 125000 100000 16"
ok "it goes before the agent when memory ends" "$(cat "/proc/$pid/oom_score_adj" "/proc/$agent_pid/oom_score_adj" | xargs)" "300 -900"
all=${folder%/*}
echo $(($(cat "$all/memory.current") - $(awk '$1 == "file" {print $2}' "$all/memory.stat") + (32 << 20))) >"$all/memory.max"
out=$(ampoule run -- mutool draw -F txt report.pdf 2>&1)
ok "no other is started where memory is short" $? 125
has "and the reason is told" "$out" "not enough memory for another micro-VM"
echo max >"$all/memory.max"
ok "and the one that runs goes on" "$(started)" "$pid"
kill -9 "$pid"
wait "$runner"
ok "a microvm that is killed ends its task" $? 125
has "and the user is told" "$(cat "$work/err")" "microvm-killed signal 9"
ok "its cgroup is gone" "$(groups)" ""

echo "# an agent that is killed takes its micro-VMs with it"
ampoule run -- python3 sleep.py >/dev/null 2>&1 &
runner=$!
wait_for started
kill -9 "$agent_pid"
wait "$agent_pid" 2>/dev/null
wait_for none started
ok "no process is left" "$(pgrep -c '^ampoule-')" 0
wait "$runner"
ok "the user's command ends" $? 125
ok "no mount is left" "$(mount | wc -l)" "$mounts"
left=$(groups)
ok "an empty cgroup is left" "$(cat "$left/cgroup.procs")" ""
sleep 1000 &
sleeper=$!
echo $sleeper >"$left/cgroup.procs"
start_agent "$bin"
ok "the next agent removes it, whatever is in it" "$(groups) $(wait $sleeper; echo $?)" " 137"
stop_agent
ok "an agent that ends leaves no cgroup" "$(find /sys/fs/cgroup -name 'ampoule-*')" ""

echo "# a micro-VM that was made ahead of its task"
threads() { awk '/^Seccomp:/ {print $2}' /proc/"$1"/task/*/status | sort | uniq -c | xargs; }
ready() { [ "$(ampoule status --json | jq .shells)" = "$1" ]; }
shells=1
start_agent "$bin"
wait_for ready 1
pid=$(started)
ok "before its task no user exists in its user namespace" "$(cat "/proc/$pid/uid_map" "/proc/$pid/gid_map")" ""
ok "no capability in any set" "$(awk '/^Cap/ {print $2}' "/proc/$pid/status" | sort -u)" 0000000000000000
ok "each thread has its filter" "$(threads "$pid")" "3 2"
ok "it goes before all others when memory ends" "$(cat "/proc/$pid/oom_score_adj")" 1000
has "its cgroup holds it" " $(xargs <"$(groups)/cgroup.procs") " " $pid "
ampoule run -- python3 sleep.py >/dev/null 2>"$work/err" &
runner=$!
wait_for running
has "the task's is the same process" "$(grep 'vm: started' "$log" | tail -n1)" "pid=$pid"
ok "each thread still has its filter" "$(threads "$pid" | awk '{print $2}')" 2
ok "and it is the last to go" "$(cat "/proc/$pid/oom_score_adj")" 300
wait_for ready 1
ok "another one was made" "$(started | wc -l)" 2
kill -9 "$agent_pid"
wait "$agent_pid" 2>/dev/null
wait_for none started
ok "both end with their agent" "$(pgrep -c '^ampoule-')" 0
wait "$runner"
start_agent "$bin"
wait_for ready 1
kill -9 "$(started)"
wait_for ready 0
wait_for ready 1
ok "one that dies before it is used is made again" "$(started | wc -l)" 1
stop_agent
ok "and goes with its agent" "$(started) $(find /sys/fs/cgroup -name 'ampoule-*')" " "
shells=0

echo "# no hardware, no task; an agent in a cgroup of a service"
service=/sys/fs/cgroup/service
mkdir "$service"
sed 's/\bsvm\b//' /proc/cpuinfo >"$work/cpuinfo"
mount --bind "$work/cpuinfo" /proc/cpuinfo
start_agent "$bin" "$service"
ok "it moves into a leaf and makes its cgroups beside" "$(cat "$service/ampoule-agent/cgroup.procs") $(find "$service" -maxdepth 1 -name 'ampoule-*-*' | wc -l)" "$agent_pid 1"
has "status says why" "$(ampoule status)" "no hardware virtualisation behind it"
has "the log too" "$(cat "$log")" "no hardware virtualisation"
out=$(ampoule run -- mutool draw -F txt report.pdf 2>&1)
ok "a task is refused" $? 125
has "with the reason" "$out" "isolation unavailable: /dev/kvm has no hardware virtualisation"
stop_agent
ok "and leaves it as it was" "$(find "$service" -mindepth 1 -type d)" ""
sleep 1000 &
sleeper=$!
echo $sleeper >"$service/cgroup.procs"
start_agent "$bin" "$service"
has "in a cgroup that it does not have for itself there are no limits, and status says so" "$(ampoule status)" "no cgroup limits: "
ok "and it is back in it" "$(find "$service" -mindepth 1 -type d) $(grep -cx "$agent_pid" "$service/cgroup.procs")" " 1"
kill $sleeper
stop_agent
exit $failed
