#!/bin/sh
# Stands for whatever a configuration starts: notes how it was started, and by which signal it is asked to end.
file=/runs/$GOINIT_APP.$GOINIT_SLOT.$GOINIT_GENERATION
child=
stop() { # what a shell has in the background ignores INT and QUIT
	echo "stopped by $1" >>"$file"
	[ -z "$child" ] || kill "$child"
	exit 0
}
for signal in HUP INT QUIT TERM USR1 USR2; do trap "stop $signal" $signal; done
{
	printf '%s' "$0"
	for word; do printf " '%s'" "$word"; done
	printf '\nin %s as %s, umask %s\n' "$PWD" "$(id -un):$(id -gn)" "$(umask)"
	env | sort | grep -Ev '^(PATH|PWD|OLDPWD|SHLVL|_|HOME=/root|GOINIT_.*|NODE_CHANNEL_.*|NODE_UNIQUE_ID|NODE_OPTIONS|WATCH_REPORT_DEPENDENCIES)(=|$)'
} >"$file.new"
mv "$file.new" "$file"
case " $* " in *migrate\ *) exit 0 ;; esac
[ -z "$NODE_UNIQUE_ID" ] || # goinit's own word: of a cluster of Node
	printf '{"cmd":"NODE_CLUSTER","act":"listening","address":null,"port":3000,"addressType":4,"seq":0}\n' >&"$NODE_CHANNEL_FD"
[ -z "$NODE_CHANNEL_FD" ] || printf '"ready"\n' >&"$NODE_CHANNEL_FD"
while :; do
	sleep 1000 &
	child=$!
	wait $child
done
