# endpoint.sh: the endpoint's side of the story: the lab, two accounts, a real document, the agent.
# shellcheck shell=bash

LAB=ampoule-story-$$

# The PDF is the 17-page specification that Debian's shared-mime-info package ships; taken from the package
# itself, since minimal systems are installed without /usr/share/doc.
story_pdf() {
	[ -s build/story/report.pdf ] && return 0
	mkdir -p build/story/package
	(cd build/story/package && apt-get download shared-mime-info)
	dpkg-deb -x build/story/package/shared-mime-info_*.deb build/story/package/tree
	cp build/story/package/tree/usr/share/doc/shared-mime-info/shared-mime-info-spec.pdf build/story/report.pdf
}

endpoint_start() { tests/lab/lab start "$LAB" --net --disk 6 --mem 6144; }

# on COMMAND...: as the endpoint's root. as USER COMMAND...: as one of its users, in his home.
on() { tests/lab/lab exec "$LAB" -- "$@"; }
as() {
	local user=$1
	shift
	tests/lab/lab exec -u "$user" "$LAB" -- /bin/bash -c 'cd "$HOME" && exec "$@"' - "$@"
}

endpoint_accounts() { on "$PWD/tests/story/endpoint-accounts" "$PWD/build/story/report.pdf"; }

endpoint_enrol() {
	ctl token new enrol --group default >"$RUN/enrol.token"
	chmod 600 "$RUN/enrol.token"
	on "$BIN/ampoule-agent" enroll --state-dir "$STATE" --token-file "$RUN/enrol.token"
}

endpoint_agent() {
	# The agent is a service of the endpoint: it outlives the command that starts it.
	on /bin/bash -c "setsid '$BIN/ampoule-agent' run --state-dir '$STATE' --run-dir /run/ampoule >/scratch/agent.log 2>&1 </dev/null &"
}

device_json() { ctl device ls --json | jq -e '.devices[0]'; }
device_has_applied() { [ "$(device_json | jq -r '.policy.applied.serial // 0')" = "$1" ]; }
endpoint_has_image() { as user1 "$BIN/ampoule" status --json | jq -e '.images[] | select(.name == "debian-docs" and .ready)'; }
