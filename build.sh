#!/bin/sh
# Builds goinit and goinitctl: static, reproducible. usage: build.sh [DIR]   (default: bin)
# From the environment: VERSION, COMMIT; GOARCH and other settings of the go command.
set -eu
cd "$(dirname "$0")"
out=${1:-bin}
version=${VERSION:-$(cat VERSION)}
commit=${COMMIT:-$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)}
export CGO_ENABLED=0
# goinit starts in a stub ahead of the Go runtime (init/entry), which names two variables of the runtime: hence the tag,
# the entry point and -checklinkname=0. Preemption by SIGURG is off: with the stub, no signal is the runtime's. So is the
# look-up of the CPU quota, which GOMAXPROCS=1 makes idle, and which would keep two descriptors open.
go build -trimpath -buildvcs=false -tags goinit_entry -o "$out/goinit" -ldflags "-s -w -buildid= \
  -E goinit_entry -checklinkname=0 -X runtime.godebugDefault=asyncpreemptoff=1,containermaxprocs=0,updatemaxprocs=0 \
  -X goinit/init.Version=$version -X goinit/init.Commit=$commit" .
go build -trimpath -buildvcs=false -o "$out/goinitctl" -ldflags "-s -w -buildid= -X main.version=$version -X main.commit=$commit" ./goinitctl
