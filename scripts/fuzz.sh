#!/bin/bash
# Fuzzes what strangers write and PID 1 or its client reads: two targets at a time, one worker each, so that a minute of a
# target is a minute of a processor. usage: fuzz.sh [TARGET]...   (default: all of the table)
set -uo pipefail
cd "$(dirname "$0")/.."

# target, time, package. The longest first: two lanes then end together.
table='
FuzzServer       60s ./control
FuzzChannel      60s ./cluster/nodeipc
FuzzParse        60s ./cluster/nodeipc
FuzzGood         60s ./logs/segment
FuzzRepair       60s ./logs/segment
FuzzQuery        30s ./logs/query
FuzzNotification 10s ./health
FuzzAnswer       10s ./health
FuzzReported     10s ./watch
FuzzLook         10s ./cgroup
'

# fuzz runs one target and prints what it said at its end, in one piece.
fuzz() {
	local out status=0
	out=$("${GO:-go}" test -run '^$' -fuzz "^$1\$" -fuzztime "$2" -fuzzminimizetime 1x -parallel 1 "$3" 2>&1 </dev/null) || status=$?
	# The engine's own end by its clock is at times an error to it: the parent context is over a moment before the child
	# is (go.dev/issue/75804). A finding says more than this one line.
	if [ $status != 0 ] && [ "$(sed -n '/^--- FAIL: /,/^FAIL/p' <<<"$out" | sed '1d;$d')" = "    context deadline exceeded" ]; then
		status=0
	fi
	if [ $status = 0 ]; then
		printf '%s %s: %s\n' "$1" "$3" "$(grep '^fuzz: ' <<<"$out" | tail -n 1)"
	else
		printf '%s %s: FAILED\n%s\n' "$1" "$3" "$out"
	fi
	return $status
}
export -f fuzz

while read -r target time package; do
	[ -n "$target" ] || continue
	[ $# = 0 ] || [[ " $* " == *" $target "* ]] || continue
	printf '%s %s %s\n' "$target" "$time" "$package"
done <<<"$table" | xargs -r -P 2 -L 1 bash -c 'fuzz "$@"' fuzz
