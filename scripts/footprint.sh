#!/bin/sh
# Prints the size of the executables, and what PID 1 takes while its child sleeps.
set -eu
cd "$(dirname "$0")/.."
make -s build
sync # pages of a file that is not yet on disk would count as private and dirty
ls -l bin/goinit bin/goinitctl | awk '{ printf "%-16s %8d bytes\n", $NF, $5 }'
bin/goinit -- sleep 10 &
pid=$!
trap 'kill $pid; wait $pid || true' EXIT
until [ -n "$(cat /proc/$pid/task/*/children 2>/dev/null)" ]; do :; done
awk '/^(Rss|Pss|Private_Clean|Private_Dirty):/ { printf "%-16s %8d KiB\n", $1, $2 }' /proc/$pid/smaps_rollup
awk '/^Threads:/ { printf "%-16s %8d\n", $1, $2 }' /proc/$pid/status
