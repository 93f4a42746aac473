#!/bin/sh
# Leaves orphans behind, one after the other, and says how many. TERM ends it.
trap 'echo "litter.sh: TERM, done"; exit 0' TERM
n=0
while :; do
	(sleep 0.05 &)
	n=$((n + 1))
	echo "orphan $n"
	sleep 0.2 &
	wait $!
done
