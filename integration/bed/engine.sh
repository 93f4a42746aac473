# Keeps a Docker engine for as long as standard input is open: a test holds the other end, so that the engine ends with the
# test, however the test ends. usage, behind keep.sh: sh engine.sh DIR CGROUP DOCKERD-ARGUMENT… <PIPE
#
# The engine lives in namespaces of its own for processes and mounts: when their first process is killed, the kernel ends
# dockerd, containerd, the shims and the containers, and drops every mount they made. Some of their files have places that
# no option changes, in /run, /etc/docker and /opt/containerd: there they see a file system over this machine's, which goes
# the same way. What is left are two things that have names: the control groups CGROUP and the directory DIR.
dir=$1 cgroup=$2
shift 2
keep dockerd.log 200 unshare --mount --pid --fork --kill-child --mount-proc -- sh -c '
	mount -t tmpfs -o mode=755 goinit-bed /run
	for over in etc opt; do
		mkdir -p "$0/$over/upper" "$0/$over/work"
		mount -t overlay -o "lowerdir=/$over,upperdir=$0/$over/upper,workdir=$0/$over/work" goinit-bed "/$over"
	done
	dockerd "$@" &
	wait $!' "$dir" "$@"
