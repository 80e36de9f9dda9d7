#!/bin/bash
# fleet: a policy to every agent, what an agent costs, and everybody coming back at once; with `fleet-sim` on the same
# machine, whose agents verify and compile each policy for real. AGENTS=10000 RUNS=5 (pushes) STORMS=2.
# shellcheck disable=SC2153
. tests/bench/fleet-fixture.sh
agents=${AGENTS:-10000} runs=${RUNS:-5} storms=${STORMS:-2}
. tests/bench/lib.sh
work=$RUN/figures
mkdir -p "$work"

# The story's policy with 60 rules, none of which compiles to nothing; $1 makes each push another one.
policy() {
	cat <<-YAML
		ampoule: 1
		kind: base
		id: office
		trust_levels: [trusted, partner, untrusted]
		default_task: refuse
		tasks:
		  - id: pdf
		    match: { program: [/usr/bin/mutool], file: ["*.pdf"] }
		    run: { image: debian-docs, level: untrusted, memory: 256Mi, cpus: 1, lifetime: 1h }
		    file:
		      - { id: doc, path: ["{file}"], do: read }
	YAML
	for i in $(seq 1 58); do printf '      - { id: r%d, path: ["/srv/team%d/share%d/"], do: %s }\n' "$i" "$i" "$1" "$( ((i % 5)) && echo read || echo deny)"; done
	echo "      - { id: no-keys, path: [\"~/.ssh/\"], do: deny, severity: high }"
}

# push N: one policy to all; its milliseconds from the request per device go to acked.N.
push() {
	local t0 cpu0 bytes0 serial
	policy "$1" >"$work/policy.yaml"
	jq -Rs '{document: .}' "$work/policy.yaml" >"$work/policy.json"
	cpu0=$(server_cpu_us) bytes0=$(wire_bytes)
	t0=$(now_ms)
	ask policiesPost POST /policies -H 'Content-Type: application/json' --data-binary "@$work/policy.json"
	[ "$STATUS" = 201 ] || die "the policy was refused: $ANSWER"
	serial=$(json .serial)
	sim applied "$serial" "$t0" 120
	for _ in $(seq 600); do
		[ "$(sql -c "SELECT count(*) FROM device_policy_state WHERE applied_serial = $serial")" -ge "$(said .applied)" ] && break
		sleep 0.1
	done
	sql -c "SELECT round(extract(epoch FROM applied_at) * 1000 - $t0) FROM device_policy_state WHERE applied_serial = $serial" >"$work/acked.$1"
	echo $(((  $(server_cpu_us) - cpu0) / agents)) >>"$work/cpu"
	echo $((($(wire_bytes) - bytes0) / agents)) >>"$work/bytes"
	echo "push $1: $(sort -n "$work/acked.$1" | awk '{v[NR] = $1} END {printf "n=%d p50=%d p99=%d max=%d ms", NR, v[int((NR + 1) / 2)], v[int(NR * 0.99)], v[NR]}'); server $(tail -n 1 "$work/cpu") us and $(tail -n 1 "$work/bytes") bytes per agent; load $(cut -d' ' -f1 /proc/loadavg)" >&2
}

# What the policy and the enrolment token name must be there.
store_image() {
	sql <<-SQL
		INSERT INTO trusted_keys (purpose, key) VALUES ('image', decode(repeat('01', 32), 'hex'));
		INSERT INTO images (name, version, manifest, signature) VALUES ('debian-docs', 1, 'm', decode(repeat('00', 64), 'hex'));
	SQL
}

server_fixture_start >&2
store_image
base_kb=$(server_memory_kb)
t0=$(now_ms)
fleet_start "$agents"
echo "enrolled and connected: $agents in $(($(now_ms) - t0)) ms" >&2
sleep 5
echo $((($(server_memory_kb) - base_kb) * 1024 / agents)) >"$work/memory"
echo "server memory per idle agent: $(cat "$work/memory") bytes" >&2
for n in $(seq "$runs"); do push "$n"; done
for n in $(seq "$storms"); do
	sim storm 300
	echo "storm $n: $SAID; load $(cut -d' ' -f1 /proc/loadavg)" >&2
	said .seconds >>"$work/storm"
done
fleet_stop
