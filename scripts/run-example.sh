#!/bin/sh
# Runs the main job on an example: goinit as PID 1 of a PID namespace of its own, over a small program that leaves
# orphans behind and handles TERM. Needs neither Docker nor root; where no user namespace can be made, goinit runs as a
# child subreaper instead.
set -eu
cd "$(dirname "$0")/.."
if [ "$(id -u)" = 0 ] && unshare -fp --mount-proc true 2>/dev/null; then
	exec unshare -fp --mount-proc --kill-child=TERM bin/goinit -v -w --stop-grace 2s -- examples/orphans.sh
elif unshare -Urfp --mount-proc true 2>/dev/null; then
	exec unshare -Urfp --mount-proc --kill-child=TERM bin/goinit -v -w --stop-grace 2s -- examples/orphans.sh
fi
echo "no PID namespace can be made here (no root, and user namespaces are refused): goinit runs as a child subreaper" >&2
exec bin/goinit -v -w --stop-grace 2s -- examples/orphans.sh
