#!/bin/bash
# Policies as layers, against a real server, signer and PostgreSQL: a base, deltas along the tree of groups and an
# exception, checked before they are stored; what changes, for whom, and where each rule came from; history, going
# back, git's documents, a signer that is down. Each answer is held to docs/openapi.yaml.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
skip() { echo "$*"; exit 77; }
for tool in psql curl jq openssl; do
	command -v "$tool" >/dev/null || skip "$tool is not installed (deploy/bootstrap.sh)"
done
BIN=$PWD/build/${VARIANT:-debug}/bin
make -s "${BIN#"$PWD/"}"/{ampoule-server,ampoule-signer,ampoulectl,fleet-device} >/dev/null || exit 1
# shellcheck source=tests/support/server-fixture.sh
. tests/support/server-fixture.sh layers

# The base, whose test asks about a final rule.
base() { # base DO
	cat <<-YAML
		ampoule: 1
		kind: base
		id: office
		trust_levels: [trusted, untrusted]
		vars: { work: ["~/work/"] }
		final: { file: [ { id: no-keys, path: ["~/.ssh/"], do: deny, severity: high } ] }
		tasks:
		  - id: pdf
		    match: { program: [/usr/bin/mutool] }
		    run: { image: docs, level: untrusted }
		    file:
		      - { id: work, path: ["\${work}"], do: $1 }
		tests:
		  - { task: pdf, given: { user: u }, open: "~/.ssh/id", expect: { do: deny, rule: no-keys } }
	YAML
}
delta() { # delta ID GROUP RULE PATH DO
	cat <<-YAML
		ampoule: 1
		kind: delta
		id: $1
		extends: office
		group: $2
		tasks: [ { id: pdf, file: [ { id: $3, path: [$4], do: $5 } ] } ]
	YAML
}
exception() { # exception UNTIL
	cat <<-YAML
		ampoule: 1
		kind: exception
		id: exc-42
		extends: office
		for: { users: [user1], devices: [ws-lab] }
		until: $1
		reason: "audit, ticket 991"
		tasks: [ { id: pdf, file: [ { id: exc-42-path, path: [/srv/audit/], do: read } ] } ]
		tests:
		  - { task: pdf, given: { user: user1, device: ws-lab }, open: /srv/audit/a, expect: { do: read, rule: exc-42-path } }
	YAML
}
# send FILE: the body of POST /layers or /policies.
send() { jq -n --rawfile d "$1" '{document: $d}'; }
LAB=11111111-1111-1111-1111-111111111111
ENG=22222222-2222-2222-2222-222222222222

start() {
	server_fixture_start
	ctl login --server "https://127.0.0.1:$API_PORT" --ca "$RUN/server/ca.pem" --token-file "$RUN/admin.token" >/dev/null ||
		die "login"
	sql -c "INSERT INTO trusted_keys (purpose, key) VALUES ('image', decode(repeat('11', 32), 'hex'))"
	sql -c "INSERT INTO images (name, version, manifest, signature) VALUES ('docs', 1, '{}', decode(repeat('00', 64), 'hex'))"
}

make_groups() {
	step "A tree of groups"
	expect_exit "a group" 0 group put eng
	expect_exit "one below it" 0 group put lab --parent eng
	expect_exit "a parent that is not there is refused" 1 group put sales --parent nowhere
	expect_exit "a group does not lie below itself" 1 group put eng --parent lab
	ask postGroup POST /groups --json '{"name": "eng"}'
	expect_eq "putting it again changes nothing" "$STATUS" 200
	ask listGroups GET /groups
	expect_eq "the tree is listed" "$(json '[.groups[] | .name + "<" + (.parent // "")] | join(" ")')" "default< eng< lab<eng"
	sql -c "INSERT INTO devices (id, group_name, hostname, certificate_expires) VALUES
		('$LAB', 'lab', 'ws-lab', now() + interval '1 day'), ('$ENG', 'eng', 'ws-eng', now() + interval '1 day')"
}

check_first() {
	step "A draft is checked, and nothing is stored"
	base reed >"$RUN/p.yaml"
	expect_exit "a document the language refuses" 1 policy check "$RUN/p.yaml"
	expect_has "with its line, key and the words there are" "$ERR" 'is unknown here; one of: read, copy, new, deny'
	{ base read; echo ---; delta eng nowhere eng-specs /srv/specs/ read; } >"$RUN/p.yaml"
	expect_exit "a delta for a group that is not there" 1 policy check "$RUN/p.yaml"
	{ base read; echo ---; delta eng eng no-keys /srv/specs/ read; } >"$RUN/p.yaml"
	expect_exit "a delta with a final rule's name" 1 policy check "$RUN/p.yaml"
	expect_has "is told where that stands" "$ERR" 'already, on line 6 of office'
	base read | sed 's/do: deny, rule: no-keys } }/do: read } }/' >"$RUN/p.yaml"
	expect_exit "a failing test refuses it" 1 policy test "$RUN/p.yaml"
	expect_has "and says what came instead" "$ERR" "expected allow, got deny by no-keys"
	{ base read; echo ---; delta eng eng eng-specs /srv/specs/ read; echo ---; delta lab lab lab-no /srv/specs/x/ deny; } >"$RUN/p.yaml"
	expect_exit "a good one" 0 policy check "$RUN/p.yaml"
	expect_has "would change groups, and says for whom" "$OUT" "group lab: would change, 1 device: ws-lab"
	ask listLayers GET /layers
	expect_eq "but nothing is there" "$(json '.layers | length')" 0
}

apply_layers() {
	step "Layers in force"
	expect_exit "they are applied" 0 policy apply "$RUN/p.yaml" --layers
	expect_has "one serial for each group" "$OUT" "group lab: now serial 1"
	expect_exit "again" 0 policy apply "$RUN/p.yaml" --layers
	expect_has "changes nothing" "$OUT" "unchanged"
	expect_eq "and makes no serial" "$(sql -c 'SELECT max(serial) FROM policies')" 1
	ask listPolicyRules GET '/policy-rules?group=lab'
	expect_eq "final first, then the leaf, the root, the base, each with its origin" \
		"$(json '[.rules[] | select(.class == "file") | .id + "@" + .document + ":" + (.line | tostring)] | join(" ")')" \
		"no-keys@office:6 lab-no@lab:6 eng-specs@eng:6 work@office:12"
	ask listPolicyRules GET '/policy-rules?group=eng'
	expect_eq "a delta stays in its branch" "$(json '[.rules[] | select(.id == "lab-no")] | length')" 0
	ask postPolicy POST /policies --json "$(send "$RUN/p.yaml")"
	expect_eq "a document beside the layers is refused" "$STATUS $(json .code)" "409 policy-managed"
	delta eng eng eng-specs /srv/specs/ deny >"$RUN/eng.yaml"
	ask postLayers POST /layers --json "$(send "$RUN/eng.yaml")"
	expect_eq "a change of one layer makes versions of its groups alone" "$(json '[.groups[].group] | join(" ")')" "eng lab"
	expect_eq "and is told by rule" "$(json '.groups[0].changes | map(.change + " " + .id) | join(" ")')" "changed eng-specs"
	ask diffPolicies GET '/policy-diff?group=eng&from=1'
	expect_eq "any two can be compared" "$(json '.changes | map(.change + " " + .id) | join(" ")')" "changed eng-specs"
	ask diffPolicies GET '/policy-diff?group=eng&from=1&to=77'
	expect_eq "one that is not there is not found" "$STATUS" 404
	ask diffPolicies GET '/policy-diff?group=eng'
	expect_eq "and from must be given" "$STATUS $(json .code)" "400 bad-parameter"
	expect_exit "ampoulectl compares too" 0 policy diff 1 2 --group eng
	expect_has "in words" "$OUT" "~ pdf.file eng-specs"
}

# device HOSTNAME GROUP: a connected one, which takes lines from descriptor 8 or 9.
device() {
	mkfifo "$RUN/$1.in"
	"$BIN/fleet-device" "$1" <"$RUN/$1.in" >"$RUN/log/$1.log" 2>&1 &
}
is_connected() { [ "$(sql -c "SELECT count(*) FROM device_overview WHERE hostname = '$1' AND state = 'connected'")" = 1 ]; }
wait_for_devices() {
	step "Waiting until the devices have it"
	device ws-one
	exec 8>"$RUN/ws-one.in"
	ctl token new enrol --group eng >&8 2>/dev/null
	device ws-two
	exec 9>"$RUN/ws-two.in"
	ctl token new enrol --group lab >&9 2>/dev/null
	wait_for "one device of eng is connected" 20 is_connected ws-one
	wait_for "and one of lab" 20 is_connected ws-two
	delta eng eng eng-specs /srv/other/ read >"$RUN/eng.yaml"
	expect_exit "a change of both is waited for" 0 policy apply "$RUN/eng.yaml" --layers --wait --timeout 30
	expect_has "and told" "$OUT" "applied by 2 of 2 connected devices"
	echo 'fail needs 2.0' >&9
	delta eng eng eng-specs /srv/specs/ read >"$RUN/eng.yaml"
	expect_exit "one that cannot apply it fails it" 1 policy apply "$RUN/eng.yaml" --layers --wait --timeout 30
	expect_has "when the others have it" "$OUT" "applied by 1 of 2 connected devices"
	expect_has "and tells why" "$ERR" "ws-two: failed: needs 2.0"
	expect_exit "what is in force already is not waited for" 0 policy apply "$RUN/eng.yaml" --layers --wait
	exec 8>&- 9>&-
	wait_for "the devices go" 20 is_gone
	sql -c "UPDATE devices SET state = 'revoked' WHERE hostname IN ('ws-one', 'ws-two')"
}
is_gone() { ! is_connected ws-one && ! is_connected ws-two; }

go_back() {
	step "History and going back"
	ask getLayer GET /layers/eng
	expect_eq "a document has its history" "$(json '.layers | map(.revision | tostring) | join(" ")')" "2 1"
	expect_exit "an old revision comes back" 0 policy rollback eng 1
	expect_has "under a higher serial" "$OUT" "group eng: now serial 3"
	expect_eq "with the old content" "$(sql -c "SELECT count(DISTINCT document) FROM policies WHERE group_name = 'eng'
		AND serial IN (1, 3)")" 1
	expect_exit "one that is not there does not" 1 policy rollback eng 9
	expect_exit "everything can be exported" 0 policy export
	cp "$RUN/out" "$RUN/all.yaml"
	expect_exit "and applied again" 0 policy apply "$RUN/all.yaml" --layers
	expect_has "without a change" "$OUT" "unchanged"
	ask getLayer GET /layers/nowhere
	expect_eq "an unknown document is not found" "$STATUS" 404
}

except() {
	step "Exceptions"
	exception 2020-01-01T00:00:00Z | sed '/^until/d' >"$RUN/exc.yaml"
	expect_exit "one without an end is refused" 1 policy apply "$RUN/exc.yaml" --layers
	expect_has "and told so" "$ERR" "'until' is missing"
	exception "$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)" >"$RUN/exc.yaml"
	expect_exit "one with an end" 0 policy apply "$RUN/exc.yaml" --layers
	ask listPolicyRules GET "/policy-rules?device=$LAB&user=user1"
	expect_eq "holds for its user on its device, first" "$(json '[.rules[] | select(.class == "file") | .id] | .[1]')" exc-42-path
	ask listPolicyRules GET "/policy-rules?device=$ENG&user=user1"
	expect_eq "not on another" "$(json '[.rules[] | select(.id == "exc-42-path")] | length')" 0
	ask listPolicyRules GET '/policy-rules?device=33333333-3333-3333-3333-333333333333'
	expect_eq "a device that is not there is not found" "$STATUS" 404
	expect_exit "it can be taken away" 0 policy rm exc-42
	ask getLayer GET /layers/exc-42
	expect_eq "its history stays" "$(json '.layers | map(.document == null | tostring) | join(" ")')" "true false"
}

# streams_with ID: groups whose newest signed policy has that document.
streams_with() {
	sql -c "SELECT count(*) FROM (SELECT DISTINCT ON (group_name) document FROM policies ORDER BY group_name, serial DESC) p
		WHERE position('id: $1'::bytea IN document) > 0"
}
no_stream_has() { [ "$(streams_with "$1")" = 0 ]; }
exception_ends() {
	step "An exception that ends leaves the signed policies by itself"
	local before
	exception "$(date -u -d '+4 seconds' +%Y-%m-%dT%H:%M:%SZ)" >"$RUN/exc.yaml"
	expect_exit "one of four seconds" 0 policy apply "$RUN/exc.yaml" --layers
	expect_eq "it is in the policies of all groups" "$(streams_with exc-42)" "$(sql -c 'SELECT count(*) FROM groups')"
	before=$(sql -c "SELECT max(serial) FROM policies WHERE group_name = 'lab'")
	wait_for "then in none" 30 no_stream_has exc-42
	expect_eq "which have one serial more" "$(sql -c "SELECT max(serial) FROM policies WHERE group_name = 'lab'")" \
		$((before + 1))
	expect_eq "and say who made it" "$(sql -c "SELECT created_by FROM policies WHERE group_name = 'lab'
		ORDER BY serial DESC LIMIT 1")" ampoule-server
	expect_eq "as the audit log does" "$(sql -c "SELECT count(*) FROM audit WHERE action = 'an exception ended'
		AND object = 'lab'")" 1
	sleep 3
	expect_eq "once" "$(sql -c "SELECT max(serial) FROM policies WHERE group_name = 'lab'")" $((before + 1))
}

# event PATH: as `event ls --json` prints one.
event() {
	jq -n --arg path "$1" '{events: [{id: 1, device: {id: "x", hostname: "ws-lab"}, group: "lab", user: "user2",
		task: "pdf", class: "file", operation: "open", path: $path, verdict: "hide", rule: "",
		policy: {id: "office", serial: 3}}], next: null}'
}

from_event() {
	step "An exception made of an event"
	local until
	until=$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)
	event '/srv/wanted/a "b".pdf' >"$RUN/event.json"
	expect_exit "not of a name that YAML would read otherwise" 1 exception from-event --until "$until" --reason r <"$RUN/event.json"
	event '/srv/wanted/*' >"$RUN/event.json"
	expect_exit "nor of one that is a pattern" 1 exception from-event --until "$until" --reason r <"$RUN/event.json"
	event /srv/wanted/a.pdf >"$RUN/event.json"
	expect_exit "nor without an end" 2 exception from-event --reason r <"$RUN/event.json"
	expect_exit "one command" 0 exception from-event --until "$until" --reason "ticket 7" --id exc-7 <"$RUN/event.json"
	ask listPolicyRules GET "/policy-rules?device=$LAB&user=user2"
	expect_eq "lets that user have that file on that device" \
		"$(json '.rules[] | select(.id == "exc-7-1") | .text' | grep -o '"/srv[^]]*')" '"/srv/wanted/a.pdf"'
	ask listPolicyRules GET "/policy-rules?device=$LAB&user=user1"
	expect_eq "and nobody else" "$(json '[.rules[] | select(.id == "exc-7-1")] | length')" 0
	expect_exit "he who made it takes it away" 0 policy rm exc-7
}

managed_in_git() {
	step "Documents that git keeps"
	base read | sed 's/high/critical/' >"$RUN/p.yaml"
	expect_exit "git takes a document" 0 policy apply "$RUN/p.yaml" --layers --git
	base read >"$RUN/p.yaml"
	expect_exit "another writer is refused" 1 policy apply "$RUN/p.yaml" --layers
	expect_has "and told where to go" "$ERR" "managed in git"
	expect_exit "he does not take it away either" 1 policy rm office
	expect_exit "but may change others" 0 policy apply "$RUN/eng.yaml" --layers
	expect_exit "git changes its own" 0 policy apply "$RUN/p.yaml" --layers --git
}

without_signer() {
	step "A signer that is down"
	local before
	before=$(sql -c 'SELECT count(*) FROM layers')
	stop_process signer
	delta lab lab lab-no /srv/specs/y/ deny >"$RUN/lab.yaml"
	ask postLayers POST /layers --json "$(send "$RUN/lab.yaml")"
	expect_eq "is told" "$STATUS $(json .code)" "503 signer-unavailable"
	expect_eq "and nothing is half stored" "$(sql -c 'SELECT count(*) FROM layers')" "$before"
	ask postLayers POST /layers --json '{}'
	expect_eq "a change of nothing is refused" "$STATUS $(json .code)" "422 bad-field"
	ask postLayers POST /layers --json '{"remove": "nowhere"}'
	expect_eq "so is taking away what is not there" "$STATUS" 404
}

hold_to_the_contract() {
	step "Each answer against docs/openapi.yaml"
	local out check=build/${VARIANT:-debug}/tests/unit/server/test_rest_openapi
	make -s "$check" >/dev/null || die "$check cannot be built"
	out=$(OPENAPI_ANSWERS=$RUN/answers CK_RUN_CASE=openapi "$check" 2>&1) || true
	expect_has "every answer fits its schema ($(grep -o '^[0-9]* answers fit' <<<"$out"))" "$out" "Failures: 0, Errors: 0"
}

end() {
	step "The end"
	stop_process server
	expect_lacks "no sanitizer complained, when there is one" "$(cat "$RUN"/log/*.log)" Sanitizer
}

start
make_groups
check_first
apply_layers
go_back
wait_for_devices
except
exception_ends
from_event
managed_in_git
without_signer
hold_to_the_contract
end
exit 0
