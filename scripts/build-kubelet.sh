#!/bin/bash
# Builds the kubelet, or other executables of Kubernetes, from the sources that the Go module proxy has, into
# ${XDG_CACHE_HOME:-~/.cache}/goinit-test/kubelet-VERSION, and prints that directory. What is there already is not built anew;
# who comes while another builds waits for it.
# usage: build-kubelet.sh [kubelet|kube-apiserver|kube-controller-manager|kube-scheduler|kube-proxy|kubectl…]
# The kubelet takes 7 minutes of a processor, the others after it 5 together; the sources and the compiler's cache 2 GB.
set -euo pipefail
version=v1.30.14
[ $# -gt 0 ] || set -- kubelet
bin=${XDG_CACHE_HOME:-$HOME/.cache}/goinit-test/kubelet-$version
mkdir -p "$bin"
echo "$bin"

missing() { for program; do [ -x "$bin/$program" ] || echo "$program"; done; }
[ -n "$(missing "$@")" ] || exit 0
exec 9>"$bin/.lock"
flock 9
programs=$(missing "$@")
[ -n "$programs" ] || exit 0

work=$(mktemp -d -p "$bin")
trap 'rm -rf "$work"' EXIT
cd "$work"
# Not this module's go.mod: Kubernetes' own modules have no versions in its go.mod, but directories of its repository. They
# are published under the same number; of kube-proxy the first one is, which is types of its configuration alone.
export CGO_ENABLED=0 GOFLAGS=-mod=mod
sources=$(go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
{
	echo "module build"
	grep -E '^go [0-9.]+$' "$sources/go.mod"
	echo "require k8s.io/kubernetes $version"
	sed -nE "s,^\s*(k8s.io/[a-z-]+) => .*,replace \1 => \1 ${version/#v1/v0},p" "$sources/go.mod" |
		sed "s,=> k8s.io/kube-proxy .*,=> k8s.io/kube-proxy v0.30.0,"
} >go.mod
{
	printf '//go:build tools\n\npackage tools\n\nimport (\n'
	for program in $programs; do echo "	_ \"k8s.io/kubernetes/cmd/$program\""; done
	echo ")"
} >tools.go
for program in $programs; do
	go build -trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version" -o "$work/$program" "k8s.io/kubernetes/cmd/$program" >&2
	mv "$work/$program" "$bin/$program" # whole, or not there
done
