#!/bin/bash
# The REST API and ampoulectl against a real server, signer and PostgreSQL: login, tokens, an image signed with
# openssl and digested with fsverity, policies good and bad, cursors under a late commit, and each answer held
# to docs/openapi.yaml.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
skip() { echo "$*"; exit 77; }
for tool in psql curl jq openssl fsverity; do
	command -v "$tool" >/dev/null || skip "$tool is not installed (deploy/bootstrap.sh)"
done
BIN=$PWD/build/${VARIANT:-debug}/bin
make -s "${BIN#"$PWD/"}"/ampoule-{server,signer} "${BIN#"$PWD/"}/ampoulectl" >/dev/null || exit 1
# shellcheck source=tests/support/server-fixture.sh
. tests/support/server-fixture.sh api

start() {
	server_fixture_start
	TOKEN='' ask getHealth GET /health
	expect_eq "health needs no token" "$STATUS" 200
}

log_in() {
	step "Logging in"
	expect_exit "before a login nothing works" 4 device ls
	expect_has "and it says how to" "$ERR" "ampoulectl login"
	echo "ampoule_api_$(printf '0%.0s' {1..64})" >"$RUN/wrong.token"
	expect_exit "a wrong token is refused" 4 login --server "https://127.0.0.1:$API_PORT" \
		--ca "$RUN/server/ca.pem" --token-file "$RUN/wrong.token"
	expect_exit "a server that is not there" 3 login --server https://127.0.0.1:1 --ca "$RUN/server/ca.pem" \
		--token-file "$RUN/admin.token"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=other -keyout /dev/null \
		-out "$RUN/other.pem" 2>/dev/null
	expect_exit "a server of another CA" 3 login --server "https://127.0.0.1:$API_PORT" --ca "$RUN/other.pem" \
		--token-file "$RUN/admin.token"
	expect_exit "the admin's token is taken" 0 login --server "https://127.0.0.1:$API_PORT" \
		--ca "$RUN/server/ca.pem" --token-file "$RUN/admin.token"
	expect_eq "and kept for its owner alone" "$(stat -c %a "$XDG_CONFIG_HOME/ampoule/login.json")" 600
	expect_exit "usage errors have a status of their own" 2 policy apply
	expect_exit "unknown options too" 2 device ls --no-such
	ask getWhoami GET /whoami
	expect_eq "whoami" "$(json '.roles[0].role + " " + .roles[0].groups')" "admin all"
}

make_tokens() {
	step "Tokens"
	expect_exit "an enrolment token needs an image key first" 1 token new enrol
	expect_has "and it says how to get one" "$ERR" "ampoulectl image trust"
	ask postToken POST /tokens --json '{"kind": "api", "role": "viewer", "name": "v", "ttl_s": 60}'
	expect_eq "a viewer's token" "$STATUS" 201
	VIEWER=$(json .token)
	local id
	id=$(json .id)
	expect_eq "whose secret the database does not have" "$(sql -c "SELECT count(*) FROM tokens t WHERE t::text LIKE
		'%${VIEWER#ampoule_api_}%'")" 0
	TOKEN=$VIEWER ask listDevices GET /devices
	expect_eq "it may look" "$STATUS" 200
	TOKEN=$VIEWER ask postToken POST /tokens --json '{"kind": "api", "role": "admin"}'
	expect_eq "it may not make tokens above itself" "$STATUS $(json .code)" "403 above_maker"
	ask postToken POST /tokens --json '{"kind": "api"}'
	expect_eq "an API token without a role is refused" "$STATUS $(json .code)" "422 bad-field"
	ask postToken POST /tokens --json '{"kind": "api", "role": "admin", "uses": 3}'
	expect_eq "a field of the other kind too" "$STATUS $(json .code)" "422 bad-field"
	ask listTokens GET '/tokens?limit=1'
	expect_eq "tokens come in pages" "$(json '.tokens | length')" 1
	ask listTokens GET "/tokens?limit=1&after=$(json .next)"
	expect_eq "and go on" "$(json '.tokens | length')" 1
	ask listTokens GET '/tokens?after=nonsense'
	expect_eq "a cursor that is none is refused" "$STATUS $(json .code)" "400 bad-parameter"
	expect_exit "a token is revoked" 0 token revoke "$id"
	TOKEN=$VIEWER ask listDevices GET /devices
	expect_eq "and is useless" "$STATUS $(json .code)" "401 unauthorized"
	expect_exit "an unknown one is not" 1 token revoke 00000000-0000-0000-0000-000000000000
	ask deleteToken DELETE /tokens/nonsense
	expect_eq "nor one that is no id" "$STATUS" 404
}

people() {
	step "People, and the audit log"
	local link ann="$RUN/ann" good='seven odd herons 41'
	link=$(grep -o 'ampoule_link_[0-9a-f]*' "$RUN/log/setup.log")
	expect_has "setup printed a link" "$(cat "$RUN/log/setup.log")" "https://127.0.0.1:$API_PORT/setup#ampoule_link_"
	TOKEN='' ask postSetup POST /setup -H 'Authorization:' \
		--json "{\"link\": \"$link\", \"name\": \"root\", \"password\": \"$good\"}"
	expect_eq "which makes the first admin" "$STATUS $(json .name)" "201 root"
	TOKEN='' ask postSetup POST /setup -H 'Authorization:' \
		--json "{\"link\": \"$link\", \"name\": \"two\", \"password\": \"$good\"}"
	expect_eq "once" "$STATUS $(json .code)" "410 link_used"
	expect_exit "people are not made by token" 4 person add ann --role viewer <<<"$good"
	local login=(login --server "https://127.0.0.1:$API_PORT" --ca "$RUN/server/ca.pem" --name)
	cp -r "$XDG_CONFIG_HOME" "$RUN/token-admin"
	expect_exit "a wrong password is refused" 4 "${login[@]}" root <<<"not the password"
	expect_exit "the right one logs in" 0 "${login[@]}" root <<<"$good"
	expect_has "with the role" "$OUT" "root (admin:all)"
	expect_exit "a bad password is no person's" 1 person add ann --role viewer <<<"password1234"
	expect_exit "a person is added" 0 person add ann --role viewer <<<"$good"
	expect_exit "and given a role in a group" 0 person role ann author --groups default
	expect_has "beside the one that was there" "$OUT" "author:default viewer:all"
	expect_exit "the list has both" 0 person ls
	mkdir -p "$ann"
	XDG_CONFIG_HOME=$ann expect_exit "the new person logs in" 0 "${login[@]}" ann <<<"$good"
	XDG_CONFIG_HOME=$ann expect_exit "may look" 0 device ls
	XDG_CONFIG_HOME=$ann expect_exit "may not make people" 4 person ls
	expect_exit "a person is disabled" 0 person disable ann
	XDG_CONFIG_HOME=$ann expect_exit "and out at once" 4 device ls
	expect_exit "the log has it" 0 audit ls --action "PATCH /api/v1/people"
	expect_has "with who and whom" "$OUT" "root"
	sleep 2
	expect_exit "the log is whole" 0 audit verify
	ask listAudit GET '/audit?limit=1000'
	ask verifyAudit GET /audit/verify
	sql -c "UPDATE audit SET actor = 'ann' WHERE id = (SELECT row FROM audit_chain WHERE sequence = 3)"
	expect_exit "somebody with SQL is found out" 1 audit verify
	expect_has "with the place" "$OUT" "sequence 3"
	expect_exit "logging out" 0 logout
	expect_exit "ends it" 4 device ls
	rm -rf "$XDG_CONFIG_HOME"
	mv "$RUN/token-admin" "$XDG_CONFIG_HOME"
}

doctor() {
	step "The doctor, and what setup printed"
	local report
	expect_has "setup printed a recovery sheet" "$(cat "$RUN/log/setup.log")" "recovery sheet"
	report=$("$BIN/ampoule-server" doctor --state "$RUN/server" --json)
	expect_eq "a sound server has nothing wrong" "$? $(jq -r .state <<<"$report")" "0 ok"
	expect_eq "with the signer" "$(jq -r '.checks[] | select(.name == "signer").state' <<<"$report")" ok
	chmod 0644 "$RUN/server/server.key"
	report=$("$BIN/ampoule-server" doctor --state "$RUN/server")
	expect_eq "a key that others may read is broken" "$?" 1
	expect_has "with how to mend it" "$report" "mend: chmod 0600"
	chmod 0600 "$RUN/server/server.key"
}

# The serial number of the certificate that a port shows.
shown() { openssl s_client -connect "127.0.0.1:$1" ${2:+-alpn "$2"} </dev/null 2>/dev/null | openssl x509 -noout -serial; }
is_new() { [ "$(shown "$1" "${2-}")" = "$(openssl x509 -noout -serial -in "$RUN/server/server.pem")" ]; }
renew_certificate() {
	step "Another certificate, without a restart"
	local before pid
	before=$(shown "$API_PORT")
	pid=$(cat "$RUN/server.pid")
	expect_has "no core of its memory is written" "$(grep 'core file' "/proc/$pid/limits")" " 0 "
	"$BIN/ampoule-server" renew --state "$RUN/server" >>"$RUN/log/renew.log" 2>&1
	expect_eq "the old one is shown until it is taken" "$(shown "$API_PORT")" "$before"
	kill -HUP "$pid"
	wait_for "the API shows the new one" 20 is_new "$API_PORT"
	wait_for "and so does the agents' port" 20 is_new "$AGENT_PORT" ampoule-enroll/1
	expect_exit "who was logged in goes on" 0 device ls
	cp "$RUN/server/server.pem" "$RUN/kept.pem"
	cp "$RUN/server/ca.pem" "$RUN/server/server.pem"
	kill -HUP "$pid"
	sleep 1
	cp "$RUN/kept.pem" "$RUN/server/server.pem"
	expect_eq "one that does not fit its key is not taken" "$(shown "$API_PORT")" \
		"$(openssl x509 -noout -serial -in "$RUN/kept.pem")"
	expect_exit "and the server goes on" 0 device ls
}

# One file's entry of a manifest, its digest by another program than ours.
entry() {
	printf '"%s": {"digest": "%s", "bytes": %s}' "$1" "$(fsverity digest --compact "$RUN/image/$1")" \
		"$(stat -c %s "$RUN/image/$1")"
}
# sign_image KEY: signs purpose, a zero byte, and the manifest, with openssl.
sign_image() {
	{ printf 'ampoule-image-v1\0'; cat "$RUN/image/manifest.json"; } >"$RUN/to-sign"
	openssl pkeyutl -sign -rawin -inkey "$1" -in "$RUN/to-sign" -out "$RUN/image/manifest.sig"
}
make_image() {
	head -c 3000000 /dev/urandom >"$RUN/image/root"
	head -c 70000 /dev/urandom >"$RUN/image/kernel"
	head -c 1 /dev/urandom >"$RUN/image/initramfs"
	printf '/usr/bin/mutool\t/usr/bin/mutool\n' >"$RUN/image/programs"
	cat >"$RUN/image/manifest.json" <<-JSON
		{"ampoule_image": 1, "name": "debian-docs", "version": 1, "arch": "x86_64",
		 "created": "2026-11-01T00:00:00Z", "cmdline": "quiet", "shapes": [{"memory_mib": 256, "cpus": 1}],
		 "files": {$(entry kernel), $(entry initramfs), $(entry root), $(entry programs)}}
	JSON
}

push_image() {
	step "Images"
	make_image
	openssl genpkey -algorithm ed25519 -out "$RUN/builder.pem"
	sign_image "$RUN/builder.pem"
	local key
	key=$(openssl pkey -in "$RUN/builder.pem" -pubout -outform DER | tail -c 32 | od -An -tx1 | tr -d ' \n')
	expect_exit "an image of a stranger is refused" 1 image push "$RUN/image"
	expect_has "and it says why" "$ERR" "No trusted key made this signature"
	expect_exit "a key that is none is refused" 1 image trust nonsense
	expect_exit "the builder's key is trusted" 0 image trust "$key" --note builder
	ask listImageKeys GET /image-keys
	expect_eq "and listed" "$(json '.keys[0].key')" "$key"
	ask postImageKey POST /image-keys --json "{\"key\": \"$key\"}"
	expect_eq "trusting it again changes nothing" "$STATUS" 200
	local digest
	digest=$(fsverity digest --compact "$RUN/image/root")
	ask putBlob PUT "/blobs/$digest" -H 'Content-Type: application/octet-stream' --data-binary @"$RUN/image/root"
	expect_eq "a file before its manifest is refused" "$STATUS $(json .code)" "409 blob-unwanted"
	ask postImage POST /images --json "{\"manifest\": \"$(base64 -w0 "$RUN/image/manifest.json")\",
		\"signature\": \"$(base64 -w0 "$RUN/image/manifest.sig")\"}"
	expect_eq "the manifest is taken, its files are missing" "$STATUS $(json '.missing | length')" "201 4"
	head -c 3000000 /dev/urandom >"$RUN/wrong"
	ask putBlob PUT "/blobs/$digest" -H 'Content-Type: application/octet-stream' --data-binary @"$RUN/wrong"
	expect_eq "wrong bytes are refused" "$STATUS $(json .code)" "422 digest-mismatch"
	head -c 3000001 /dev/urandom >"$RUN/wrong"
	ask putBlob PUT "/blobs/$digest" -H 'Content-Type: application/octet-stream' --data-binary @"$RUN/wrong"
	expect_eq "too many bytes too" "$STATUS $(json .code)" "413 body-too-large"
	head -c 10 /dev/urandom >"$RUN/wrong"
	ask putBlob PUT "/blobs/$digest" -H 'Content-Type: application/octet-stream' --data-binary @"$RUN/wrong"
	expect_eq "too few bytes too" "$STATUS $(json .code)" "422 digest-mismatch"
	expect_eq "and nothing of them was kept" "$(sql -c 'SELECT count(*) FROM blob_chunks')" 0
	expect_exit "the image is pushed" 0 image push "$RUN/image"
	expect_has "all of it" "$OUT" "4 of 4 files sent"
	expect_eq "and the database has it byte for byte" "$(sql -c "SELECT encode(sha256(string_agg(content, ''
		ORDER BY index)), 'hex') FROM blob_chunks WHERE digest = '\\x$digest'")" \
		"$(sha256sum "$RUN/image/root" | cut -d' ' -f1)"
	expect_exit "pushing it again sends nothing" 0 image push "$RUN/image"
	expect_has "indeed" "$OUT" "0 of 4 files sent"
	ask putBlob PUT "/blobs/$digest" -H 'Content-Type: application/octet-stream' --data-binary @"$RUN/wrong"
	expect_eq "a file that is there is not taken again" "$STATUS" 200
	ask listImages GET /images
	expect_eq "it is complete" "$(json '.images[0].complete')" true
	sed -i 's/quiet/quiet debug/' "$RUN/image/manifest.json"
	expect_exit "a manifest that was changed is refused" 1 image push "$RUN/image"
	sign_image "$RUN/builder.pem"
	expect_exit "a version cannot become another, even signed" 1 image push "$RUN/image"
	expect_has "it says to count up" "$ERR" "higher"
	ask postImage POST /images --json '{"manifest": "e30=", "signature": "'"$(base64 -w0 "$RUN/image/manifest.sig")"'"}'
	expect_eq "a manifest that is none is refused" "$STATUS $(json .code)" "422 manifest-refused"
	expect_exit "now an enrolment token can be made" 0 token new enrol --uses 2
	expect_has "it is one" "$OUT" "ampoule-1:"
}

policy() { # policy IMAGE EXTRA
	cat <<-YAML
		ampoule: 1
		kind: base
		id: office
		trust_levels: [trusted, untrusted]
		default_task: refuse
		tasks:
		  - id: pdf
		    match: { program: [/usr/bin/mutool] }
		    run: { image: $1, level: untrusted, memory: 256Mi }
		    file:
		      - { id: doc, path: ["{file}"], do: read }$2
	YAML
}

apply_policies() {
	step "Policies"
	ask getPolicy GET /policies/newest
	expect_eq "there is none at first" "$STATUS $(json .code)" "404 not-found"
	policy debian-docs "" >"$RUN/good.yaml"
	expect_exit "a good one is applied" 0 policy apply "$RUN/good.yaml"
	expect_has "as serial 1" "$OUT" "serial 1,"
	expect_exit "again, nothing changes" 0 policy apply "$RUN/good.yaml"
	expect_has "the serial stays" "$OUT" "unchanged, serial 1,"
	policy no-such-image "" >"$RUN/image.yaml"
	expect_exit "an unknown image is refused" 1 policy apply "$RUN/image.yaml"
	expect_has "with file and line" "$ERR" "$RUN/image.yaml:9:"
	printf 'ampoule: 1\nkind: base\nid: x\nnonsense: 3\n' >"$RUN/bad.yaml"
	expect_exit "a bad one is refused" 1 policy apply "$RUN/bad.yaml"
	expect_has "with file, line and column" "$ERR" "$RUN/bad.yaml:4:1: nonsense: "
	printf '{ [ not: yaml' >"$RUN/yaml.yaml"
	expect_exit "what is no YAML is refused" 1 policy apply "$RUN/yaml.yaml"
	expect_has "with its line" "$ERR" "$RUN/yaml.yaml:1:"
	{ policy debian-docs ""
	  printf 'tests:\n  - { task: pdf, given: { user: user1, file: "~/a.pdf" }, open: "~/a.pdf", expect: { do: deny, rule: doc } }\n'
	} >"$RUN/test.yaml"
	expect_exit "one whose own test fails is refused" 1 policy apply "$RUN/test.yaml"
	expect_exit "a group that is not there is refused" 1 policy apply "$RUN/good.yaml" --group nobody
	expect_exit "a file that is not there" 1 policy apply "$RUN/none.yaml"
	policy debian-docs '
      - { id: notes, path: ["/srv/notes/"], do: read }' >"$RUN/second.yaml"
	expect_exit "a second version is applied, and waited for" 0 policy apply "$RUN/second.yaml" --wait
	expect_has "with what changed" "$OUT" '+       - { id: notes, path: ["/srv/notes/"], do: read }'
	expect_has "as serial 2" "$OUT" "serial 2,"
	expect_exit "its document comes back" 0 policy get
	expect_eq "byte for byte" "$(ctl policy get 2 | sha256sum)" "$(sha256sum <"$RUN/second.yaml")"
	ask postPolicy POST /policies --json "$(jq -n --rawfile d "$RUN/good.yaml" '{document: $d}')"
	expect_eq "an older document is a new version" "$STATUS $(json .serial)" "201 3"
	ask postPolicy POST /policies --json "$(jq -n --rawfile d "$RUN/good.yaml" '{document: $d}')"
	expect_eq "and the same again is not" "$STATUS $(json .serial)" "200 3"
	ask postPolicy POST /policies --json "$(jq -n --rawfile d "$RUN/bad.yaml" '{document: $d}')"
	expect_eq "findings come with the problem" "$STATUS $(json .code) $(json '.errors | length > 0')" "422 policy-refused true"
	ask listPolicies GET '/policies?limit=2'
	expect_eq "versions come newest first" "$(json '[.policies[].serial] | join(" ")')" "3 2"
	ask listPolicies GET "/policies?limit=2&after=$(json .next)"
	expect_eq "and go on" "$(json '[.policies[].serial] | join(" ")')" 1
	ask getPolicy GET /policies/2
	expect_eq "the digest is the envelope's" "$(json .digest)" "$(sql -c "SELECT encode(envelope, 'base64') FROM policies
		WHERE serial = 2" | base64 -d >"$RUN/envelope"; fsverity digest --compact "$RUN/envelope")"
	race
	stop_process signer
	expect_exit "without the signer nothing is applied" 1 policy apply "$RUN/second.yaml"
	expect_has "and it says so" "$ERR" "signer"
}

# Eight at once: serials rise one by one, each document once.
race() {
	local i
	for i in 1 2 3 4 5 6 7 8; do
		policy debian-docs "
      - { id: n$i, path: [\"/srv/n$i/\"], do: read }" >"$RUN/race$i.yaml"
		ctl policy apply "$RUN/race$i.yaml" >"$RUN/race$i.out" 2>&1 &
		RACERS[i]=$!
	done
	for i in 1 2 3 4 5 6 7 8; do wait "${RACERS[i]}" || fail "racer $i: $(cat "$RUN/race$i.out")"; done
	expect_eq "eight at once get eight serials" "$(sql -c 'SELECT count(*), min(serial), max(serial) FROM policies
		WHERE serial > 3')" "8|4|11"
}

DEVICE=6dfd0c39-3f0e-4cd3-9a61-111111111111
add_events() { # add_events FIRST LAST [SQL-BEFORE-COMMIT]
	sql <<-SQL
		BEGIN;
		INSERT INTO events (device, group_name, stream, sequence, wall_clock_ns, vm, task, user_name, class,
			operation, object, verdict, audit, severity, policy_id, serial, rule, exit_reason, guest_rip, count,
			dropped, image, program)
		SELECT '$DEVICE', 'default', decode(repeat('00', 16), 'hex'), n, 1790000000123000000, 'vm1', 'pdf', 'user1',
			'file', 'open', convert_to('/home/user1/' || n, 'UTF8'), 'deny', false, 'high', 'office', 1, 'no-keys',
			'mmio', 4096, 1, 0, 'debian-docs', '/usr/bin/mutool' FROM generate_series($1, $2) n;
		${3-}
		COMMIT;
	SQL
}
paths() { json '[.events[].path | ltrimstr("/home/user1/")] | join(" ")'; }

read_events() {
	step "Devices and events"
	sql -c "INSERT INTO devices (id, group_name, hostname, certificate_expires)
		VALUES ('$DEVICE', 'default', E'host\x1b[31m', now() + interval '1 day')"
	ask getOverview GET /overview
	expect_eq "the overview counts" "$(json '[.devices.connected, .accesses.hours[].refused] | add')" 0
	ask listDevices GET "/devices?token=$DEVICE"
	expect_eq "no device joined with this token" "$(json '.devices | length')" 0
	ask listDevices GET '/devices?token=nonsense'
	expect_eq "nor with one that is no id" "$STATUS $(json .code)" "400 bad-parameter"
	ask listDevices GET '/devices?group=default'
	expect_eq "a device is listed" "$(json '.devices[0].state')" offline
	ask getDevice GET "/devices/$DEVICE"
	expect_eq "with what it should enforce" "$(json .policy.desired.serial) $(json .policy.applied)" "11 null"
	ask getDevice GET /devices/nonsense
	expect_eq "another is not there" "$STATUS" 404
	expect_lacks "a host's name cannot reach the terminal raw" "$(ctl device ls)" $'\x1b'
	ask listEvents GET /events
	expect_eq "no events at first, but a cursor" "$(json '.events | length') $(json .next)" "0 1-0-0"
	add_events 1 5
	ask listEvents GET '/events?limit=3'
	expect_eq "events come oldest first" "$(paths)" "1 2 3"
	local cursor
	cursor=$(json .next)
	# Ids 6 are taken first and committed last: the reader in between must not pass them by.
	add_events 6 6 'SELECT pg_sleep(3);' >/dev/null &
	local slow=$!
	sleep 1
	add_events 7 7
	ask listEvents GET "/events?after=$cursor"
	expect_eq "a later commit is not shown before an earlier, open one" "$(paths)" "4 5"
	cursor=$(json .next)
	wait "$slow"
	ask listEvents GET "/events?after=$cursor"
	expect_eq "and none is skipped" "$(paths)" "6 7"
	cursor=$(json .next)
	ask listEvents GET "/events?after=$cursor"
	expect_eq "at the end the cursor stays" "$(json '.events | length') $(json .next)" "0 $cursor"
	ask listEvents GET '/events?order=newest&limit=2'
	expect_eq "newest first, when asked" "$(paths)" "7 6"
	ask listEvents GET '/events?rule=other'
	expect_eq "filters filter" "$(json '.events | length')" 0
	ask listEvents GET "/events?rule=no-keys&user=user1&task=pdf&class=file&verdict=deny&vm=vm1&device=$DEVICE"
	expect_eq "all of them" "$(json '.events | length')" 7
	ask getOverview GET /overview
	expect_eq "the overview has the refused ones by hour, rule and device" \
		"$(json '"\([.accesses.hours[].refused] | add) \(.accesses.rules[0].rule) \(.accesses.devices[0].refused)"')" "7 no-keys 7"
	expect_eq "and the device without isolation, its policy pending" \
		"$(json '"\(.devices.offline) \(.devices.without_isolation) \(.policies.pending)"')" "1 1 1"
	for bad in after=1 after=-1-2 after=1-2 after=99999999999999999999-1 device=nonsense limit=0 order=up; do
		ask listEvents GET "/events?$bad"
		expect_eq "$bad is refused" "$STATUS $(json .code)" "400 bad-parameter"
	done
	sql -c "UPDATE events SET object = '\\x2f68ff1b5d00' WHERE sequence = 7"
	ask listEvents GET '/events?order=newest&limit=1'
	expect_eq "a path that is no UTF-8 is told twice" "$(json '.events[0].path_bytes')" "$(printf '/h\xff\x1b]\0' | base64)"
	expect_has "ampoulectl lists them" "$(ctl event ls --limit 2)" '/h\xff\x1b]\x00'
	follow_events
}

follow_events() {
	timeout 4 "$BIN/ampoulectl" event ls --follow --json --limit 1 >"$RUN/followed" 2>&1 &
	local follower=$!
	sleep 1
	add_events 8 9
	wait "$follower"
	expect_eq "--follow gives the last and then what comes" "$(jq -r .id "$RUN/followed" | wc -l)" 3
}

hold_to_the_contract() {
	step "The answers and docs/openapi.yaml"
	ask listEvents GET /events -H 'Authorization: Basic Zm9vOmJhcg=='
	TOKEN=wrong ask listEvents GET /events
	expect_eq "no token of ours" "$STATUS" 401
	local out check=build/${VARIANT:-debug}/tests/unit/server/test_rest_openapi
	make -s "$check" >/dev/null || die "$check cannot be built"
	out=$(OPENAPI_ANSWERS=$RUN/answers CK_RUN_CASE=openapi "$check" 2>&1) || true
	expect_has "every answer fits its schema ($(grep -o '^[0-9]* answers fit' <<<"$out"))" "$out" "Failures: 0, Errors: 0"
}

survive_the_database() {
	step "The database goes away and comes back"
	tests/support/pg-private kill "$RUN/pg"
	TOKEN='' ask getHealth GET /health
	expect_eq "health says so" "$STATUS $(json .code)" "503 unavailable"
	expect_exit "ampoulectl too" 1 device ls
	tests/support/pg-private start "$RUN/pg" >/dev/null
	wait_for "it works again by itself" 30 server_is_up
	expect_exit "with what was there" 0 device ls
}

end() {
	step "The end"
	stop_process server
	expect_lacks "no sanitizer complained, when there is one" "$(cat "$RUN"/log/*.log)" Sanitizer
}

start
log_in
make_tokens
people
doctor
renew_certificate
push_image
apply_policies
read_events
survive_the_database
hold_to_the_contract
end
exit 0
