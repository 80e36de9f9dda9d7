# steps.sh: the story's chapters. Each says what it does, does it on real parts, and checks what came of it.
# shellcheck shell=bash

prepare() {
	step "The golden image: Debian with mutool and python3, signed by its builder"
	working "the golden image is built" golden-image/build-image golden-image/recipes/debian-docs.recipe || exit 1
	working "a real 17-page PDF is taken from Debian's shared-mime-info package" story_pdf || exit 1
}

serve() {
	step "The server: a private PostgreSQL cluster, the signer, the server, its first admin"
	working "PostgreSQL is up" server_start_database || exit 1
	working "database, CA, keys and the first admin's token are made" server_setup || exit 1
	server_serve
	wait_for "the server answers over TLS" 60 server_is_up || exit 1
	working "the admin logs in" server_login || exit 1
	step "The admin pushes the image and applies a policy"
	working "the image's builder is trusted" ctl image trust "$(cat build/images/builder.pub)" || exit 1
	working "the image is pushed" ctl image push "$IMAGE" || exit 1
	local out
	out=$(ctl policy apply tests/story/policy.yaml 2>&1) || die "policy apply: $out"
	quote <<<"$out"
	out=$(ctl policy apply tests/story/policy.yaml 2>&1)
	expect_has "applying it again changes nothing" "$out" "unchanged"
}

enrol() {
	step "An endpoint, with /dev/kvm and two users"
	working "the endpoint is up" endpoint_start || exit 1
	working "user1 has a PDF and a private key, user2 an account" endpoint_accounts || exit 1
	step "It enrols, fetches its policy and its image"
	working "the endpoint is enrolled with a one-time token" endpoint_enrol || exit 1
	local out
	out=$(on "$BIN/ampoule-agent" enroll --state-dir /scratch/other --token-file "$RUN/enrol.token" 2>&1) &&
		fail "a used token was taken again"
	expect_has "the used token is refused" "$out" "used"
	endpoint_agent
	wait_for "the device shows the policy as applied" 60 device_has_applied 1 || exit 1
	wait_for "the image has arrived and its digests are right" 240 endpoint_has_image || exit 1
}

read_the_document() {
	step "user1 reads the PDF: ampoule run -- mutool draw -F txt report.pdf"
	local t0 out rc=0
	t0=$(date +%s%N)
	out=$(ticking "mutool reads it" as user1 "$BIN/ampoule" run -- mutool draw -F txt report.pdf 2>"$RUN/log/mutool.err") || rc=$?
	say "took $(elapsed "$t0") s; the first lines:"
	head -n 6 <<<"$out" | quote
	expect_eq "its exit status is mutool's" "$rc" 0
	expect_has "the first page's text came out of the micro-VM" "$out" "Shared MIME-info Database"
	expect_has "and the last page's" "$out" "References"
	expect_has "stderr came through" "$(cat "$RUN/log/mutool.err")" "warning: "
	rc=0
	ticking "mutool is asked for what it does not know" \
		as user1 "$BIN/ampoule" run -- mutool draw -F nosuchformat report.pdf >"$RUN/log/mutool2.out" 2>"$RUN/log/mutool2.err" || rc=$?
	expect_eq "a failing task's exit status comes through" "$rc" 1
	expect_has "and its own complaint" "$(cat "$RUN/log/mutool2.err")" "Unknown output format"
}

meet_the_hostile() {
	step "A hostile script runs, as root in its guest"
	local before out rc=0 event
	before=$(on /bin/bash -c 'cd /home/user1 && sha256sum report.pdf hostile.py .ssh/id_rsa')
	out=$(ticking "the script runs" tests/lab/lab exec -t -u user1 "$LAB" -- /bin/bash -c "cd && exec '$BIN/ampoule' run -- python3 hostile.py" 2>&1) || rc=$?
	tr -d '\r' <<<"$out" | cat -v | quote
	out=$(tr -d '\r' <<<"$out")
	expect_eq "it ran to its end" "$rc" 0
	expect_has "it was root in its guest" "$out" "uid: 0"
	expect_has "the private key: permission denied" "$out" "private key: EACCES"
	expect_has "another user's file is not there" "$out" "another user: ENOENT"
	expect_has "a file nobody named is not there" "$out" "hidden file: ENOENT"
	expect_has "/home holds only what its view names" "$out" "homes: user1"
	expect_lacks "no other user is seen" "$out" "user2"
	expect_has "it overwrote python in its guest" "$out" "python: overwritten"
	expect_has "and /etc/passwd" "$out" "passwd: overwritten"
	expect_lacks "no terminal escape sequence arrives" "$out" $'\x1b]0;'
	expect_lacks "no bidirectional override arrives" "$out" $'\u202e'
	expect_eq "the originals are untouched" "$(on /bin/bash -c 'cd /home/user1 && sha256sum report.pdf hostile.py .ssh/id_rsa')" "$before"
	rc=0
	out=$(ticking "it runs again" as user1 "$BIN/ampoule" run -- python3 hostile.py 2>/dev/null) || rc=$?
	expect_has "the next micro-VM has an unharmed python and passwd" "$out" "link of python: READ 6"
	wait_for "the server shows the refused access" 60 event_about id_rsa || return 0
	event=$(ctl event ls --json | jq -c '[.events[] | select(.path | endswith("id_rsa"))][0]')
	jq . <<<"$event" | quote
	expect_eq "with its path" "$(jq -r .path <<<"$event")" /home/user1/.ssh/id_rsa
	expect_eq "user" "$(jq -r .user <<<"$event")" user1
	expect_eq "task" "$(jq -r .task <<<"$event")" script
	expect_eq "rule" "$(jq -r .rule <<<"$event")" no-keys
	expect_eq "policy serial" "$(jq -r .policy.serial <<<"$event")" 1
	expect_eq "exit reason" "$(jq -r .exit_reason <<<"$event")" mmio
	expect_eq "and device" "$(jq -r .device.hostname <<<"$event")" endpoint
}

event_about() { ctl event ls --json | jq -e --arg s "$1" '.events[] | select(.path | endswith($s))'; }

change_the_policy() {
	step "A policy changes while a micro-VM runs"
	as user1 "$BIN/ampoule" run -- python3 watch.py 100 >"$RUN/log/watch.out" 2>"$RUN/log/watch.err" &
	local watcher=$! rc=0 t0 out
	wait_for "the running script reads the note" 90 grep -q reading "$RUN/log/watch.out" || return 0
	t0=$(date +%s%N)
	out=$(ctl policy apply tests/story/policy-2.yaml 2>&1) || die "policy apply: $out"
	quote <<<"$out"
	wait "$watcher" || rc=$?
	say "refused $(elapsed "$t0") s after the admin's command began"
	expect_eq "the running micro-VM met the new verdict" "$rc $(tail -n1 "$RUN/log/watch.out")" "0 refused: EACCES"
	wait_for "the device shows serial 2 as applied" 60 device_has_applied 2
	device_json | jq '{hostname, state, policy}' | quote
	expect_eq "its digest is the server's" "$(device_json | jq -r .policy.applied.digest)" \
		"$(ctl policy ls --json | jq -r '.policies[] | select(.serial == 2) | .digest')"
}

keep_users_apart() {
	step "user2 meets user1's micro-VM"
	as user1 "$BIN/ampoule" run -- python3 /home/user1/sleep.py >"$RUN/log/sleep.out" 2>&1 &
	local runner=$! id out rc=0
	wait_for "user1's micro-VM is listed to user1" 60 has_vm user1 || return 0
	id=$(as user1 "$BIN/ampoule" ls --json | jq -r '.vms[0].id')
	expect_eq "user2's list is empty" "$(as user2 "$BIN/ampoule" ls --json | jq '.vms | length')" 0
	out=$(as user2 "$BIN/ampoule" stop "$id" 2>&1) && fail "user2 stopped it"
	expect_has "user2 cannot stop it" "$out" "no such micro-VM"
	out=$(as user2 "$BIN/ampoule" explain "$id" 2>&1) && fail "user2 had it explained"
	expect_has "nor explain it" "$out" "no such micro-VM"
	out=$(as user2 "$BIN/ampoule" run -- mutool draw -F txt /home/user1/report.pdf 2>&1) && rc=1
	expect_eq "nor make the agent open user1's file" "$rc" 0
	expect_lacks "no page of it comes out" "$out" "Shared MIME-info"
	as user1 "$BIN/ampoule" stop "$id" >/dev/null 2>&1 || fail "user1 could not stop his own"
	rc=0
	wait "$runner" || rc=$?
	expect_eq "user1 stops it; his command ends with Ampoule's status" "$rc" 125
}

has_vm() { [ "$(as "$1" "$BIN/ampoule" ls --json | jq -r '.vms[0].state // ""')" = running ]; }

lose_the_server() {
	step "The server is killed with -9 and started again"
	local before after
	stop_process server KILL
	ticking "the script runs without a server" \
		as user1 "$BIN/ampoule" run -- python3 hostile.py >"$RUN/log/offline.out" 2>&1 ||
		fail "the endpoint does not work without its server"
	expect_has "the policy is enforced without the server" "$(cat "$RUN/log/offline.out")" "private key: EACCES"
	before=$(on /bin/bash -c "'$BIN/ampoule' status --json" | jq .queue)
	say "events waiting on the endpoint: $before"
	server_serve
	wait_for "the server answers again" 60 server_is_up || return 0
	wait_for "the agent is back and its queue empty" 60 queue_is_empty || return 0
	after=$(ctl event ls --json --limit 1000 | jq -c '[.events[] | "\(.vm) \(.path) \(.rule) \(.operation)"]')
	expect_eq "each event arrived exactly once" "$(jq '(length - (unique | length))' <<<"$after")" 0
	expect_eq "three runs, three refused keys" "$(jq '[.[] | select(contains("id_rsa"))] | length' <<<"$after")" 3
}

queue_is_empty() { [ "$(on "$BIN/ampoule" status --json | jq -r '"\(.connected) \(.queue)"')" = "true 0" ]; }

show_the_admin() {
	step "What the admin sees: ampoulectl device ls; ampoulectl event ls"
	ctl device ls | quote
	ctl event ls | tail -n 12 | quote
}

tell_how_to_reach() {
	step "Left running (make demo KEEP=1)"
	say "What follows can be pasted into a shell of root's."
	say "The console, in a browser on this machine (its certificate is of the private CA $RUN/server/ca.pem):"
	say "  https://127.0.0.1:$API_PORT"
	say "  the first admin's name and password are chosen once, at"
	say "  $("$BIN/ampoule-server" link --state "$RUN/server" 2>/dev/null | grep '^https')"
	say "The REST API, https://127.0.0.1:$API_PORT/api/v1, with the admin's token:"
	say "  curl -sS --cacert $RUN/server/ca.pem -H \"Authorization: Bearer \$(cat $RUN/admin.token)\" https://127.0.0.1:$API_PORT/api/v1/devices"
	say "ampoulectl, logged in as that admin (another policy: policy apply FILE):"
	say "  XDG_CONFIG_HOME=$RUN/admin $BIN/ampoulectl device ls"
	say "The endpoint, as its user1:"
	say "  $PWD/tests/lab/lab exec -u user1 $LAB -- /bin/bash -c 'cd && $BIN/ampoule run -- mutool draw -F txt report.pdf'"
	say "The end of it all:"
	say "  $PWD/tests/lab/lab stop $LAB; kill $(cat "$RUN"/*.pid | xargs); $PWD/tests/support/pg-private stop $RUN/pg; rm -r $RUN"
}

say_logs() {
	local log
	for log in "$RUN"/log/server.log "$RUN"/log/signer.log; do
		[ -s "$log" ] || continue
		say "the end of $log:"
		tail -n 15 "$log" | quote
	done
	# Whole, since the story's folder stays after a failure; with the endpoint's own idea of how long it has been up.
	on /bin/bash -c 'cat /scratch/agent.log; echo; cat /proc/uptime /sys/devices/system/clocksource/clocksource0/current_clocksource; dmesg | tail -n 40' \
		>"$RUN/log/agent.log" 2>&1
	say "the end of the agent's log (whole: $RUN/log/agent.log):"
	grep -v '^\[' "$RUN/log/agent.log" | tail -n 25 | quote
}
