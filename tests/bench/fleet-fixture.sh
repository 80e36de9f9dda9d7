# fleet-fixture.sh NAME: a server and a simulated fleet in a network namespace of their own, for bench-fleet and
# bench-ingest. Sourced from the repository's root; see tests/support/server-fixture.sh for what it brings.
# In the namespace nothing else uses the loopback device, so that its counters are the fleet's bytes.
# shellcheck shell=bash
if [ -z "${FLEET_NETNS:-}" ]; then
	FLEET_NETNS=1 exec unshare --net "$0" "$@"
fi
ip link set lo up
BIN=$PWD/build/release/bin
export BIN
make --no-print-directory -s VARIANT=release build/release/bin/{ampoule-server,ampoule-signer,ampoulectl,fleet-sim} >&2 || exit 1
. tests/support/server-fixture.sh bench

# sim COMMAND...: its JSON line in $SAID.
sim() {
	echo "$*" >&"${FLEET[1]}"
	read -r SAID <&"${FLEET[0]}" || die "fleet-sim ended: $(tail -n 3 "$RUN/log/fleet-sim.log")"
}
said() { jq -r "$1" <<<"$SAID"; }
# fleet_start N: the simulator, its agents enrolled by one token and connected.
fleet_start() {
	server_login >/dev/null
	ctl token new enrol --uses "$1" >"$RUN/enrol.token" 2>/dev/null || die "no enrolment token"
	coproc FLEET { exec "$BIN/fleet-sim" --agents "$1" ${2:+--connectors "$2"} "$RUN/enrol.token" 2>"$RUN/log/fleet-sim.log"; }
	FLEET_SIM=$FLEET_PID
	sim connect 900
	[ "$(said .up)" = "$1" ] || die "only $(said .up) of $1 agents came up"
}
fleet_stop() {
	echo quit >&"${FLEET[1]}" || true
	wait "$FLEET_SIM" 2>/dev/null || true
}
server_pid() { cat "$RUN/server.pid"; }
# User space memory of the server and CPU time that it used, in kB and µs.
server_memory_kb() { awk '/^RssAnon/ {print $2}' "/proc/$(server_pid)/status"; }
server_cpu_us() { awk -v hz="$(getconf CLK_TCK)" '{printf "%d\n", ($14 + $15) * 1000000 / hz}' "/proc/$(server_pid)/stat"; }
# Bytes on the wire with their IP headers; of the loopback device each is counted once.
wire_bytes() { awk '$1 == "lo:" {print $2 - 14 * $3}' /proc/net/dev; }
now_ms() { date +%s%3N; }
