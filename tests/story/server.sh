# server.sh: the server's side of the story: a private PostgreSQL cluster, the signer, the server, its admin.
# shellcheck shell=bash

server_start_database() {
	tests/support/pg-private start "$RUN/pg"
}

server_setup() {
	"$BIN/ampoule-signer" init --state "$RUN/signer"
	start_process signer "$BIN/ampoule-signer" serve --state "$RUN/signer" --socket "$RUN/signer.sock"
	until [ -S "$RUN/signer.sock" ]; do sleep 0.05; done
	"$BIN/ampoule-server" setup --state "$RUN/server" --db "$DB" --signer "$RUN/signer.sock" \
		--listen-agents "127.0.0.1:$AGENT_PORT" --listen-api "127.0.0.1:$API_PORT" \
		--name "127.0.0.1,10.0.2.2,localhost" --agents-address "$ENDPOINT_SEES:$AGENT_PORT" \
		--token-file "$RUN/admin.token"
}

server_serve() { start_process server "$BIN/ampoule-server" serve --state "$RUN/server"; }

server_is_up() { curl -sS --fail --cacert "$RUN/server/ca.pem" "https://127.0.0.1:$API_PORT/api/v1/health"; }

# ctl ARG...: ampoulectl as the story's admin.
ctl() { XDG_CONFIG_HOME="$RUN/admin" "$BIN/ampoulectl" "$@"; }

server_login() {
	ctl login --server "https://127.0.0.1:$API_PORT" --ca "$RUN/server/ca.pem" --token-file "$RUN/admin.token"
}

# start_process NAME COMMAND...: in the background, its log and pid under $RUN; ended by stop_process.
start_process() {
	local name=$1
	shift
	"$@" >>"$RUN/log/$name.log" 2>&1 </dev/null 3>&- &
	echo $! >"$RUN/$name.pid"
}

stop_process() { # stop_process NAME [SIGNAL]
	local pid
	[ -f "$RUN/$1.pid" ] || return 0
	pid=$(cat "$RUN/$1.pid")
	rm -f "$RUN/$1.pid"
	kill "-${2:-TERM}" "$pid" 2>/dev/null || return 0
	for _ in $(seq 100); do
		kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.05
	done
	kill -KILL "$pid" 2>/dev/null || true
}
