#!/bin/sh
# Becomes the command, as PID 1 of a machine that has nothing but a shell, some of its tools and stubs for all that the configurations
# start: clean.sh ROOT DIRECTORY BIN STUB COMMAND...; DIRECTORY and BIN are where they were.
set -e
root=$1 directory=$2 bin=$3 stub=$4
shift 4
mount --make-rprivate /
mount -t tmpfs -o mode=755 root "$root"
cd "$root"
mkdir -p usr/bin usr/sbin usr/local/bin etc proc dev root var/log/supervisor var/www/site var/www/html srv/shop srv/tornado srv/data/0 srv/data/1 srv/data/2 \
	srv/venv/bin srv/bin opt/bin run hostbin ".$directory" ".$bin"
mkdir -m 1777 tmp 2>/dev/null || chmod 1777 tmp
for lib in /usr/lib*; do
	mkdir -p ".$lib"
	mount --rbind "$lib" ".$lib"
done
for link in bin sbin lib lib32 lib64 libx32; do
	if [ -L "/$link" ]; then
		cp -P "/$link" .
	elif [ -d "/$link" ]; then
		mkdir "$link"
		mount --rbind "/$link" "$link"
	fi
done
mount --rbind /usr/bin hostbin
for tool in sh bash env id sort grep sleep cat mv printf; do
	[ -e "usr/bin/$tool" ] || ln -s "/hostbin/$tool" "usr/bin/$tool"
done
mount -t proc proc proc
mount --rbind /dev dev
mount --bind "$directory" ".$directory"
mount --bind "$bin" ".$bin"
ln -s "$directory/runs" runs
cp "$stub" usr/local/bin/stub
for program in node npm npx yarn php php-fpm nginx python3 gunicorn celery bundle caddy prometheus tail; do ln -s stub "usr/local/bin/$program"; done
for path in /srv/venv/bin/gunicorn /srv/venv/bin/celery /srv/venv/bin/python /srv/venv/bin/python3 /srv/bin/shard /opt/bin/start-xvfb.sh /opt/bin/start-vnc.sh \
	/opt/bin/start-selenium-standalone.sh /usr/bin/python3 /usr/sbin/rsyslogd /usr/sbin/cron /usr/sbin/dovecot /usr/local/bin/postfix-wrapper.sh; do
	ln -s /usr/local/bin/stub ".$path"
done
cat >etc/passwd <<-end
	root:x:0:0::/root:/bin/sh
	www-data:x:33:33::/var/www:/bin/sh
	node:x:1000:1000::/home/node:/bin/sh
	django:x:1001:1001::/home/django:/bin/sh
end
cat >etc/group <<-end
	root:x:0:
	www-data:x:33:
	node:x:1000:
	django:x:1001:
end
exec chroot . "$@"
