#!/bin/bash
# ingest: events per second from devices to a committed row and back to an ack, by simulated agents on the same machine,
# against raw COPY of the same rows into the same table in transactions of 500, by psql, with the fleet gone. Every event
# is counted afterwards: none lost, none twice, also while the server is killed and PostgreSQL restarted (the last series).
# AGENTS=2000 RUNS=5 SECONDS_EACH=20.
. tests/bench/fleet-fixture.sh
. tests/bench/lib.sh
agents=${AGENTS:-2000} runs=${RUNS:-5} seconds=${SECONDS_EACH:-20}
work=$RUN/figures
mkdir -p "$work"
columns="device, group_name, stream, sequence, wall_clock_ns, vm, task, user_name, class, operation, object, verdict, audit, severity, policy_id, serial, rule, exit_reason, guest_rip, count, dropped, image, program"

# burst FILE: as many events as can be had: each agent makes a batch of 200 more often than it can be stored.
burst() {
	sim events 200 "$(((agents * 200) / 120))" "$seconds"
	said .events_per_s >>"$1"
	echo "ours: $SAID; load $(cut -d' ' -f1 /proc/loadavg)" >&2
}
# steady FILE: two events a second of each, in bursts of ten: whether they are acked as fast as they come.
steady() {
	sim events 10 5000 "$seconds"
	said .events_per_s >>"$1"
	echo "steady: $SAID; load $(cut -d' ' -f1 /proc/loadavg)" >&2
}
# Rows are what the fleet brought, so that both store the same.
prepare_copy() {
	sql -c "COPY (SELECT $columns FROM events LIMIT 200000) TO STDOUT" >"$work/rows"
	awk -v columns="$columns" 'NR % 500 == 1 {if (NR > 1) print "\\.\nCOMMIT;"; print "BEGIN;\nCOPY events (" columns ") FROM STDIN;"} {print} END {print "\\.\nCOMMIT;"}' "$work/rows" >"$work/copy.sql"
	rows=$(wc -l <"$work/rows")
}
raw_copy() {
	local t0
	t0=$(now_ms)
	sql -f "$work/copy.sql" >/dev/null
	echo $((rows * 1000 / ($(now_ms) - t0))) >>"$1"
	echo "copy: $(tail -n 1 "$1") rows/s; load $(cut -d' ' -f1 /proc/loadavg)" >&2
}
# What the simulator was acked must be there once each.
count_all() {
	sim status
	lost=$(($(said .acked) - $(sql -c "SELECT count(DISTINCT (device, stream, sequence)) FROM events")))
	twice=$(($(sql -c "SELECT count(*) FROM events") - $(said .acked)))
	echo "acked $(said .acked), lost $lost, twice $twice" >&2
	[ "$lost" = 0 ] && [ "$twice" = 0 ] || die "lost $lost, twice $twice"
}
# trouble FILE: the server is killed a third of the way and PostgreSQL two thirds; what was made must come all the same.
trouble() {
	echo "events 10 5000 $seconds" >&"${FLEET[1]}"
	sleep $((seconds / 3))
	stop_process server KILL
	server_serve
	sleep $((seconds / 3))
	tests/support/pg-private kill "$RUN/pg"
	sleep 1
	tests/support/pg-private start "$RUN/pg" >/dev/null
	read -r SAID <&"${FLEET[0]}" || die "fleet-sim ended"
	said .events_per_s >>"$1"
	echo "trouble: $SAID; load $(cut -d' ' -f1 /proc/loadavg)" >&2
}

server_fixture_start >&2
sql -c "INSERT INTO trusted_keys (purpose, key) VALUES ('image', decode(repeat('01', 32), 'hex'))"
fleet_start "$agents"
for _ in $(seq "$runs"); do burst "$work/burst"; done
steady "$work/steady"
trouble "$work/trouble"
count_all
fleet_stop
prepare_copy
for _ in $(seq "$runs"); do raw_copy "$work/copy"; done

bench_begin ingest "events_per_s: stored, committed and acked" "events/s"
bench_series events_per_s ours "$agents agents with more than they can send, batches of at most 256" "$work/burst" 0
bench_series raw-copy peer "psql, COPY of the same rows, 500 in a transaction, one connection" "$work/copy" 0
bench_series steady ours "$agents agents, two events a second each, for $seconds s" "$work/steady" 0
bench_series kill-and-restart ours "the same; the server killed, then PostgreSQL; none lost, none twice" "$work/trouble" "$lost"
bench_end
