#!/bin/bash
# Builds Docker's compose from the sources that the Go module proxy has, into ${XDG_CACHE_HOME:-~/.cache}/goinit-test/compose-VERSION,
# and prints the executable's path. What is there already is not built anew. It takes 3 minutes of a processor.
set -euo pipefail
version=v2.24.7
dir=${XDG_CACHE_HOME:-$HOME/.cache}/goinit-test/compose-$version
mkdir -p "$dir"
echo "$dir/docker-compose"
exec 9>"$dir/.lock"
flock 9
[ ! -x "$dir/docker-compose" ] || exit 0

work=$(mktemp -d -p "$dir")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
# In a copy of its sources: go install takes no module whose go.mod replaces others.
sources=$(go mod download -json "github.com/docker/compose/v2@$version" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
cp -R "$sources" "$work/sources"
chmod -R u+w "$work/sources"
cd "$work/sources"
CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X github.com/docker/compose/v2/internal.Version=$version" -o "$work/docker-compose" ./cmd >&2
mv "$work/docker-compose" "$dir/docker-compose" # whole, or not there
