#!/bin/bash
# What one interaction with the console's long lists costs the browser, with DEVICES devices and EVENTS events behind
# them, and what Lighthouse says of two pages: the real server, Debian's chromium (web/bench/lists.mjs). The rows are
# put in by SQL: this measures lists, it does not show that a fleet of that size works.
#	RUNS=20 DEVICES=100000 EVENTS=1000000 tests/bench/console.sh
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
BIN=$PWD/build/${VARIANT:-release}/bin
RUNS=${RUNS:-20} DEVICES=${DEVICES:-100000} EVENTS=${EVENTS:-1000000}
make -s "${BIN#"$PWD/"}"/{ampoule-server,ampoule-signer} >/dev/null || exit 1
# shellcheck source=tests/support/server-fixture.sh
. tests/support/server-fixture.sh bench-console
# shellcheck source=tests/bench/lib.sh
. tests/bench/lib.sh
server_fixture_start

step "$DEVICES devices and $EVENTS events"
sql -f - >/dev/null <<SQL || die "the rows could not be put in"
INSERT INTO groups (name) VALUES ('default'), ('lab') ON CONFLICT DO NOTHING;
INSERT INTO devices (id, group_name, hostname, version, isolation, certificate_expires, last_seen)
	SELECT gen_random_uuid(), CASE n % 5 WHEN 0 THEN 'lab' ELSE 'default' END, 'laptop-' || n, '1.0', true,
	now() + '90 days', now() - n * interval '1 second' FROM generate_series(1, $DEVICES) n;
CREATE TEMP TABLE d AS SELECT id, group_name, row_number() OVER () AS nth FROM devices;
CREATE INDEX ON d (nth);
INSERT INTO events (received_at, device, group_name, stream, sequence, wall_clock_ns, vm, task, user_name, class,
	operation, object, verdict, audit, severity, policy_id, serial, rule, exit_reason, guest_rip, count, dropped,
	image, program)
	SELECT now() - (($EVENTS - n) / 20) * interval '1 second', d.id, d.group_name, '\x00', n, 0, 'vm-' || n % 977,
	'pdf', 'user' || n % 50, 'file', 'open', convert_to('/home/user' || n % 50 || '/notes/' || n || '.txt', 'UTF8'),
	CASE n % 3 WHEN 0 THEN 'hide' ELSE 'deny' END, n % 7 = 0, 'medium', 'office', 1, 'rule-' || n % 40, '', 0, 1, 0,
	'debian-docs', '/usr/bin/mutool'
	FROM generate_series(1, $EVENTS) n JOIN d ON d.nth = n % $DEVICES + 1;
ANALYZE;
SQL

step "Interactions"
CONSOLE_LINK=$("$BIN/ampoule-server" link --state "$RUN/server" 2>/dev/null | grep -o "https://.*")
export RUNS CONSOLE_LINK CONSOLE_URL=https://127.0.0.1:$API_PORT CONSOLE_PROFILE=$RUN/profile
CONSOLE_DEBUG_PORT=$(free_port)
export CONSOLE_DEBUG_PORT
(cd web && PATH=$PWD/../build/node/node_modules/.bin:$PATH node bench/lists.mjs) >"$RUN/measured" || die "the browser failed"
first=$(jq .first_load_js_kb build/bench/console.json)
bench_begin console "script of one interaction, $DEVICES devices, $EVENTS events" ms
for name in {devices,events}-{open,scroll,filter}; do
	awk -v name="$name" '$1 == name { print $2 }' "$RUN/measured" >"$RUN/$name"
	bench_series "$name" ours "script until the page is at rest" "$RUN/$name" $((RUNS - $(wc -l <"$RUN/$name")))
done
bench_end
# Beside the times: what a first load is (as web/build/pack.mjs wrote it) and Lighthouse's scores, of 100.
awk '/^lighthouse:/ { print $1, $2 }' "$RUN/measured" | jq -R 'split(" ") |
	{name: .[0], unit: "score", p50: (.[1] | tonumber), p99: (.[1] | tonumber), role: "ours", runs: 1, lost: 0}' |
	jq -s --argjson first "$first" --slurpfile bench build/bench/console.json '$bench[0] +
	{first_load_js_kb: $first, figures: ($bench[0].figures + . +
	[{name: "first-load-js", unit: "kB", p50: $first, p99: $first, role: "ours", runs: 1, lost: 0}])}' >"$RUN/console.json"
cp "$RUN/console.json" build/bench/console.json
jq -r '.figures[] | select(.unit != "ms") | [.name, .p50, .unit] | @tsv' build/bench/console.json
exit 0
