#!/bin/sh
# Becomes the command, as PID 1 of a machine that was just installed: the programs of this one, and nothing of what it has been told and has
# kept since. fresh.sh ROOT SOURCES BIN COMMAND...; SOURCES and BIN are where they were, and are not written to.
set -e
root=$1 sources=$2 bin=$3
shift 3
mount --make-rprivate /
mount -t tmpfs -o mode=755 root "$root"
cd "$root"
mkdir -p usr etc proc dev root tmp run var/log ".$sources" ".$bin"
chmod 1777 tmp
for link in bin sbin lib lib32 lib64 libx32; do
	if [ -L "/$link" ]; then
		cp -P "/$link" .
	elif [ -d "/$link" ]; then
		mkdir "$link"
		mount --rbind "/$link" "$link"
	fi
done
mount --rbind /usr usr
mount -t proc proc proc
mount --rbind /dev dev
for directory in "$sources" "$bin"; do
	mount --bind "$directory" ".$directory"
	mount -o remount,bind,ro ".$directory"
done
echo root:x:0:0::/root:/bin/sh >etc/passwd
echo root:x:0: >etc/group
exec chroot . "$@"
