# checks.sh: the words of the system tests that look at a result with their own eyes. Sourced from the repository's root;
# a test ends with `exit $failed`.
#	log=FILE	whose last lines are shown beside what failed, when there is one
# shellcheck shell=bash

failed=0

ok() { # ok NAME GOT WANTED
	if [ "$2" = "$3" ]; then
		echo "ok    $1"
	else
		printf 'FAIL  %s\n  got:    %s\n  wanted: %s\n' "$1" "$2" "$3"
		[ -z "${log:-}" ] || tail -n 30 "$log" | sed 's/^/  log: /'
		# shellcheck disable=SC2034
		failed=1
	fi
}
has() { # has NAME TEXT PART
	case $2 in *"$3"*) ok "$1" "$3" "$3" ;; *) ok "$1" "$2" "...$3..." ;; esac
}
wait_for() { for _ in $(seq 600); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; return 1; }
as() { # as USER COMMAND...: in his home
	local user=$1
	shift
	runuser -u "$user" -- /bin/bash -c 'cd "$HOME" && exec "$@"' - "$@"
}
