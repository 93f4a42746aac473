#!/bin/sh
# A program with the two habits that want an init: it leaves orphans, and it is stopped by a signal.
trap 'echo "orphans.sh: TERM came through, cleaning up"; exit 0' TERM
echo "orphans.sh: I am pid $$, my parent is pid $PPID"
for n in 1 2 3; do
	(sh -c "sleep 0.$n; exit $n" &)
done
sleep 1
if [ "$PPID" = 1 ]; then
	zombies=$(cat /proc/[0-9]*/stat 2>/dev/null | awk '$3 == "Z"' | wc -l)
	echo "orphans.sh: 3 orphans have ended, $zombies zombies are left; now somebody stops the container"
fi
kill -TERM "$PPID"
sleep 5 &
wait
