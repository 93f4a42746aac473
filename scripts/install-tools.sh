#!/bin/sh
# Installs what the tests need and the machine lacks: Debian packages as root, Go programs into GOPATH/bin. What cannot
# be installed is said; the tests that need it are then skipped, with the reason.
# usage: install-tools.sh [PACKAGE...]   (those beside what make test needs)
set -eu
packages="python3 util-linux procps gcc libc6-dev tini dumb-init catatonit qemu-user docker.io qemu-system-x86 mmdebstrap busybox-static nodejs nginx redis-server gunicorn haproxy iproute2 containernetworking-plugins prometheus $*"
missing=
for p in $packages; do
	case $p in
	nodejs) command -v node >/dev/null 2>&1 && continue ;;
	python3) command -v python3 >/dev/null 2>&1 && continue ;;
	gcc) command -v gcc >/dev/null 2>&1 && continue ;;
	esac
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $p"
done
if [ -n "$missing" ]; then
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
		echo "installing:$missing"
		export DEBIAN_FRONTEND=noninteractive
		apt-get update -qq
		# policy-rc.d: no daemon is to be started by its package.
		policy=/usr/sbin/policy-rc.d
		[ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; trap 'rm -f $policy' EXIT; }
		apt-get install -y -qq --no-install-recommends $missing >/dev/null || echo "cannot install all of:$missing"
	else
		echo "not root, or no apt-get: not installed:$missing"
	fi
fi
bin=$(go env GOPATH)/bin
[ -x "$bin/staticcheck" ] || go install honnef.co/go/tools/cmd/staticcheck@v0.8.2 || echo "cannot install staticcheck"
[ -x "$bin/govulncheck" ] || go install golang.org/x/vuln/cmd/govulncheck@v1.1.4 || echo "cannot install govulncheck"
