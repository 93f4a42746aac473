# Stands ahead of engine.sh and of kube.sh. What they keep is one tree of processes in namespaces of its own, and two things that
# have names: the control groups $cgroup and the directory $dir.

# keep LOG TRIES COMMAND… runs a command for as long as standard input is open, and then kills it, which is the end of all that
# it has started. What is left is removed, with so many tries.
keep() {
	log=$1 most=$2
	shift 2
	trap '' INT HUP TERM # a Ctrl-C is the test's; standard input says when to end
	"$@" >"$dir/$log" 2>&1 </dev/null &
	first=$!
	cat >/dev/null
	kill -KILL $first
	wait $first 2>/dev/null

	# The kernel ends the processes one after the other: until then their groups are busy, and their files are held.
	tries=0
	until
		groups=$(find /sys/fs/cgroup -mindepth 1 -maxdepth 2 -type d -name "$cgroup")
		for group in $groups; do
			find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
		done
		[ -z "$groups" ] && rm -rf "$dir" 2>/dev/null || [ $tries -ge $most ]
	do
		tries=$((tries + 1))
		sleep 0.05
	done
}

