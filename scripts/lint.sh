#!/bin/bash
# Style and the rules of the house that a machine can check. Each rule stands with its reason.
set -euo pipefail
cd "$(dirname "$0")/.."
fail=0
bad() { echo "lint: $1"; sed 's/^/  /' <<<"$2"; fail=1; }

out=$(gofmt -l .) && [ -z "$out" ] || bad "gofmt -w is wanted" "$out"

# As build.sh compiles: on a fresh machine the library is then compiled once for both, and the builds of the tests.
export CGO_ENABLED=0 GOFLAGS="${GOFLAGS-} -trimpath"

# Every build that we promise: with the entry stub, without it, with the portable fork, for both machines. The tests need
# no second look for the other machine.
for tags in goinit_entry "" forkexec goinit_entry,forkexec; do
	GOARCH=amd64 go vet -tags "$tags" ./... || fail=1
	GOARCH=arm64 go vet -tags "$tags" . ./goinitctl ./reaper ./init ./supervise/launch || fail=1
done
if command -v staticcheck >/dev/null; then
	for tags in goinit_entry "" forkexec; do staticcheck -tags "$tags" ./... || fail=1; done
else
	echo "lint: skipped: staticcheck is not installed"
fi
# govulncheck fetches its data from vuln.go.dev, which not every machine reaches.
if command -v govulncheck >/dev/null; then
	if out=$(govulncheck -tags goinit_entry ./... 2>&1); then :; else
		case $out in
		*vuln.go.dev*) echo "lint: skipped: govulncheck cannot fetch its data" ;;
		*) bad govulncheck "$out" ;;
		esac
	fi
else
	echo "lint: skipped: govulncheck is not installed"
fi

# PID 1 is small: what is for people lives in goinitctl. text/template also switches off the linker's removal of unused
# methods.
out=$(go list -tags goinit_entry -deps . | grep -xE 'net/http|crypto/tls|text/template|html/template|os/exec|.*yaml.*|.*cobra.*|.*klauspost.*|.*protobuf.*|.*cilium/ebpf.*|.*dbus.*|.*prometheus.*|goinit/logs/query|goinit/gateway' || true)
[ -z "$out" ] || bad "linked into goinit" "$out"

# One fork, one waiter: whoever else waits in PID 1 steals statuses. goinitctl (ctl, gateway, goinitctl) may use os/exec, tests too,
# and the programs that are no part of either executable.
out=$(git ls-files '*.go' | grep -vE '_test\.go$|test/|^(reaper|ctl|gateway|goinitctl|integration|bench)/' |
	xargs -r grep -nE '"os/exec"|(syscall|unix)\.(ForkExec|StartProcess|Wait4|Waitid)|os\.(StartProcess|FindProcess)|SYS_(CLONE|CLONE3|FORK|VFORK|WAIT4|WAITID)\b' || true)
[ -z "$out" ] || bad "forks or waits outside reaper" "$out"

# A test waits for the state it wants, not for time to pass; under testing/synctest time is virtual.
out=$(git ls-files '*_test.go' | xargs -r grep -L 'testing/synctest' | xargs -r grep -n 'time\.Sleep(' || true)
[ -z "$out" ] || bad "a test sleeps" "$out"

exit $fail
