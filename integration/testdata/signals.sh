#!/bin/bash
# Tells of every signal that a shell can catch, real-time ones among them (Node can't). A line a signal; TERM ends it.
for name in HUP INT QUIT USR1 USR2 ALRM CONT WINCH PIPE URG VTALRM RTMIN RTMIN+3 RTMAX-1 RTMAX; do
	trap "echo got $name" $name
done
trap 'echo got TERM; exit 3' TERM
echo ready
while :; do
	sleep 1000 &
	wait $! # a signal with a trap ends it
	kill -KILL $! 2>/dev/null
done
