#!/bin/sh
# Says every ten seconds that it is there.
trap 'exit 0' TERM
while :; do
	echo tick
	sleep 10 &
	wait $!
done
