#!/bin/bash
# Makes local stand-ins for public base images, so that an ordinary Dockerfile builds where no registry can be reached:
# debian:bookworm-slim from Debian's packages, busybox:1.35 (the base with a real /sbin) from busybox-static, redis:7 from
# Debian plus its package of Redis, and golang:1.26 and node:20 from Debian plus this machine's own Go and Node. An image that the engine has is left alone.
# usage: base-images.sh [NAME:TAG…]   (default: all; docker is taken from PATH, the engine from DOCKER_HOST)
# The file systems are kept in ${XDG_CACHE_HOME:-~/.cache}/goinit-images: remove that directory to make them anew.
set -euo pipefail
umask 022
cache=${XDG_CACHE_HOME:-$HOME/.cache}/goinit-images
mkdir -p "$cache"
work=$(mktemp -d -p "$cache") # on the same file system: a finished file is moved, and nobody sees a half-made one
trap 'rm -rf "$work"' EXIT
export DOCKER_BUILDKIT=0 # the classic builder is in every engine and needs no plug-in

# keep NAME COMMAND: unless the cache has NAME, COMMAND writes it, to the file $out.
keep() {
	[ ! -e "$cache/$1" ] || return 0
	out=$work/$1
	"$2"
	mv "$out" "$cache/$1"
}

# build NAME:TAG TAR: Debian with a file system laid over it.
build() {
	mkdir "$work/$2.d"
	ln "$cache/$2" "$work/$2.d/$2" 2>/dev/null || cp "$cache/$2" "$work/$2.d/$2"
	cat >"$work/$2.d/Dockerfile"
	docker build --quiet --network none --tag "$1" "$work/$2.d" >/dev/null 2>"$work/log" || { cat "$work/log" >&2; return 1; }
}

make_debian() {
	mmdebstrap --quiet --mode=root --variant=minbase --format=tar --include=ca-certificates \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*' bookworm "$out"
}

make_busybox() { # /bin, /sbin and /usr are directories of their own here, as before the merge of /usr
	mkdir "$work/busybox.deb"
	(cd "$work" && apt-get download -qq -o APT::Sandbox::User=root busybox-static >/dev/null && dpkg-deb -x busybox-static_*.deb busybox.deb)
	local root=$work/busybox.root applet
	mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,etc,proc,sys,dev,tmp,root}
	cp "$work/busybox.deb/bin/busybox" "$root/bin/busybox"
	for applet in $("$root/bin/busybox" --list); do
		[ -e "$root/bin/$applet" ] || ln -s /bin/busybox "$root/bin/$applet"
	done
	rm -f "$root/bin/init"
	echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
	tar -C "$root" --owner=0 --group=0 -cf "$out" .
}

make_golang() ( # with the usual packages compiled: the first build in a container would take minutes otherwise
	local root
	root=$(go env GOROOT)
	mkdir -p "$work/go/root/.cache" "$work/go/go"
	export GOCACHE=$work/go/root/.cache/go-build GOFLAGS='' CGO_ENABLED=0
	GOARCH=amd64 go build -trimpath net/http os/user log/slog text/template
	GOARCH=arm64 go build -trimpath os/exec log/slog text/template
	tar -C "$work/go" --owner=0 --group=0 -cf "$out" .
	tar -C "$root" --owner=0 --group=0 --transform 's,^\.,usr/local/go,' --exclude=./test --exclude=./doc --exclude=./api \
		--exclude=./src/cmd --exclude='*_test.go' --exclude=testdata -rf "$out" .
)

make_node() { # and what it is linked with, where Debian's base does not have it
	local path lib
	path=$(readlink -f "$(type -P node)")
	mkdir -p "$work/node/usr/local/bin" "$work/node/usr/local/lib"
	cp "$path" "$work/node/usr/local/bin/node"
	tar -tf "$cache/debian.tar" >"$work/debian.list"
	for lib in $(ldd "$path" | awk '$3 ~ /^\// {print $3}'); do
		grep -q "/$(basename "$lib")\$" "$work/debian.list" || cp -L "$lib" "$work/node/usr/local/lib/"
	done
	tar -C "$work/node" --owner=0 --group=0 -cf "$out" .
}

make_redis() { # in /usr/local, as in the public image, with the libraries that Debian's base does not have
	local root=$work/redis.root
	mkdir -p "$work/redis.deb" "$root/usr/local/bin" "$root/usr/local/lib"
	(
		cd "$work/redis.deb"
		apt-get download -qq -o APT::Sandbox::User=root redis-server redis-tools libjemalloc2 liblzf1 libatomic1 >/dev/null
		for deb in *.deb; do dpkg-deb -x "$deb" .; done
	)
	cp -L "$work/redis.deb"/usr/bin/redis-{server,cli} "$root/usr/local/bin/"
	cp -L "$work/redis.deb"/usr/lib/*/lib{jemalloc,lzf,atomic}.so.? "$root/usr/local/lib/"
	tar -C "$root" --owner=0 --group=0 -cf "$out" .
}

stand_in() {
	local tar
	case $1 in
	debian:bookworm-slim)
		keep debian.tar make_debian
		docker import --change 'CMD ["bash"]' "$cache/debian.tar" "$1" >/dev/null ;;
	busybox:1.35)
		keep busybox.tar make_busybox
		docker import --change 'CMD ["sh"]' "$cache/busybox.tar" "$1" >/dev/null ;;
	golang:1.26)
		need debian:bookworm-slim
		tar=$(go env GOVERSION).tar
		keep "$tar" make_golang
		printf '%s\n' 'FROM debian:bookworm-slim' "ADD $tar /" 'WORKDIR /go' \
			'ENV PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin GOPATH=/go GOTOOLCHAIN=local' |
			build "$1" "$tar" ;;
	node:20)
		need debian:bookworm-slim
		tar=node-$(node --version).tar
		keep "$tar" make_node
		printf '%s\n' 'FROM debian:bookworm-slim' "ADD $tar /" 'RUN ldconfig' 'CMD ["node"]' | build "$1" "$tar" ;;
	redis:7)
		need debian:bookworm-slim
		keep redis-7.tar make_redis
		printf '%s\n' 'FROM debian:bookworm-slim' 'ADD redis-7.tar /' 'RUN ldconfig' 'CMD ["redis-server"]' | build "$1" redis-7.tar ;;
	*)
		echo "base-images.sh: no stand-in for $1" >&2
		return 64 ;;
	esac
}

need() {
	docker image inspect "$1" >/dev/null 2>&1 && return
	local start=$SECONDS
	stand_in "$1"
	echo "$1 $((SECONDS - start)) s"
}

[ $# -gt 0 ] || set -- debian:bookworm-slim busybox:1.35 redis:7 golang:1.26 node:20
for image; do need "$image"; done
