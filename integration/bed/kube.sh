# Keeps a node of Kubernetes, containerd and a kubelet, for as long as standard input is open, as engine.sh keeps an engine;
# and with "cluster" the rest of a cluster: etcd, the API server, the controllers, the scheduler and kube-proxy.
# usage, behind keep.sh: sh kube.sh DIR CGROUP BIN standalone|cluster <PIPE     (BIN has the kubelet, and for a cluster the other executables)
# In the environment are UNSHARE, the path of unshare(1), for busybox would take its own; PAUSE, the image of a pod's first
# process; and CNI, the directory of the network plug-ins.
#
# All of it is in namespaces of its own for processes, mounts and the network. So the ports are those of the textbook and
# nobody's beside, pods have addresses of their own behind a bridge that this machine does not see, and when the first process
# is killed the kernel ends everything. What is left are the control groups CGROUP and the directory DIR.
dir=$1 cgroup=$2 bin=$3 what=$4
if [ -z "$GOINIT_BED_INSIDE" ]; then
	export GOINIT_BED_INSIDE=1
	keep up.log 400 "$UNSHARE" --mount --pid --net --fork --kill-child --mount-proc -- sh "$dir/kube.sh" "$@"
	exit
fi

set -e
export PATH="$bin:$PATH"
# The kubelet and containerd want propagation, among themselves: this machine's mounts are private since unshare.
mount --make-rshared /
mount -t tmpfs -o mode=755 goinit-bed /run
for over in etc opt var; do
	mkdir -p "$dir/$over/upper" "$dir/$over/work"
	mount -t overlay -o "lowerdir=/$over,upperdir=$dir/$over/upper,workdir=$dir/$over/work" goinit-bed "/$over"
done
mkdir -p "$dir/manifests" "$dir/log" "$dir/sysctl" "$dir/net.d" "$dir/ipam" "$dir/kubelet" /run/netns

# The kubelet insists on settings of the whole machine: it is shown files with what it wants to see.
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
	file=$dir/sysctl/$(echo "${setting%%=*}" | tr / .)
	echo "${setting#*=}" >"$file"
	mount --bind "$file" "/proc/sys/${setting%%=*}"
done

# A network of its own: the node's address is from those for documentation (RFC 5737), as are the pods'.
ip link set lo up
ip address add 192.0.2.1/32 dev lo
# A Service has no address of its own to find: what is sent to it is turned around on its way out (kube-proxy), which needs a way.
ip route add default dev lo src 192.0.2.1
cat >"$dir/net.d/10-bed.conflist" <<T
{"cniVersion": "0.4.0", "name": "bed", "plugins": [
  {"type": "bridge", "bridge": "bed0", "isGateway": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$dir/ipam", "ranges": [[{"subnet": "198.51.100.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
T

# A group of the node's own in each hierarchy, as the root of all pods. On v1 a new group of cpuset has no CPUs.
root=/
for tree in cpu cpuacct cpuset memory devices freezer blkio pids systemd; do
	[ -d "/sys/fs/cgroup/$tree" ] || continue
	root=/$cgroup
	mkdir -p "/sys/fs/cgroup/$tree$root"
done
if [ -e "/sys/fs/cgroup/cpuset$root/cpuset.cpus" ]; then
	for file in cpuset.cpus cpuset.mems; do cat "/sys/fs/cgroup/cpuset/$file" >"/sys/fs/cgroup/cpuset$root/$file"; done
fi

# The root of a virtual machine is what the kernel has unpacked: nothing can be put in its place (pivot_root(2)).
stay=false
! grep -q ' / / .* - rootfs ' /proc/self/mountinfo || stay=true

cat >"$dir/containerd.toml" <<T
version = 2
root = "$dir/containerd"
state = "/run/containerd"
oom_score = 0
[grpc]
  address = "$dir/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$dir/opt/containerd"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$PAUSE"
  restrict_oom_score_adj = true # without CAP_SYS_RESOURCE nobody may have less than the node
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$CNI"
    conf_dir = "$dir/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
      NoPivotRoot = $stay
T
cat >"$dir/kubelet.yaml" <<T
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
cgroupRoot: $root
containerRuntimeEndpoint: unix://$dir/containerd.sock
staticPodPath: $dir/manifests
failSwapOn: false
oomScoreAdj: 0
makeIPTablesUtilChains: false
fileCheckFrequency: 1s
syncFrequency: 5s
registryPullQPS: 0
volumePluginDir: $dir/volumeplugins
evictionHard: {memory.available: "50Mi", nodefs.available: "1%", imagefs.available: "1%", nodefs.inodesFree: "1%"}
T

cluster() {
	mkdir -p "$dir/pki"
	openssl genrsa -out "$dir/pki/sa.key" 2048 2>/dev/null
	openssl rsa -in "$dir/pki/sa.key" -pubout -out "$dir/pki/sa.pub" 2>/dev/null
	echo 'bed,admin,1,"system:masters"' >"$dir/pki/tokens.csv"
	cat >"$dir/kubeconfig" <<-T
		apiVersion: v1
		kind: Config
		clusters: [{name: bed, cluster: {server: "https://192.0.2.1:6443", insecure-skip-tls-verify: true}}]
		users: [{name: bed, user: {token: bed}}]
		contexts: [{name: bed, context: {cluster: bed, user: bed}}]
		current-context: bed
	T
	etcd --data-dir "$dir/etcd" --unsafe-no-fsync >"$dir/log/etcd.log" 2>&1 &
	kube-apiserver --etcd-servers=http://127.0.0.1:2379 --bind-address=192.0.2.1 --advertise-address=192.0.2.1 --endpoint-reconciler-type=none \
		--cert-dir="$dir/pki" --service-cluster-ip-range=203.0.113.0/24 \
		--service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$dir/pki/sa.pub" --service-account-signing-key-file="$dir/pki/sa.key" \
		--authorization-mode=AlwaysAllow --token-auth-file="$dir/pki/tokens.csv" --kubelet-preferred-address-types=InternalIP --allow-privileged=true \
		--disable-admission-plugins=ServiceAccount --storage-media-type=application/json >"$dir/log/kube-apiserver.log" 2>&1 &
	until kubectl --kubeconfig="$dir/kubeconfig" get --raw /readyz >/dev/null 2>&1; do sleep 0.1; done
	kube-controller-manager --kubeconfig="$dir/kubeconfig" --bind-address=127.0.0.1 --leader-elect=false \
		--controllers=deployment-controller,replicaset-controller,endpointslice-controller,node-lifecycle-controller,garbage-collector-controller,namespace-controller \
		>"$dir/log/kube-controller-manager.log" 2>&1 &
	kube-scheduler --kubeconfig="$dir/kubeconfig" --bind-address=127.0.0.1 --leader-elect=false >"$dir/log/kube-scheduler.log" 2>&1 &
	kube-proxy --kubeconfig="$dir/kubeconfig" --bind-address=127.0.0.1 --proxy-mode=iptables --hostname-override=node --conntrack-max-per-core=0 \
		--conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0 --iptables-min-sync-period=100ms >"$dir/log/kube-proxy.log" 2>&1 &
}

containerd --config "$dir/containerd.toml" >"$dir/log/containerd.log" 2>&1 &
[ "$what" = standalone ] || cluster
until ctr --address "$dir/containerd.sock" version >/dev/null 2>&1; do sleep 0.1; done
if [ "$what" = cluster ]; then set -- --kubeconfig="$dir/kubeconfig"; else set --; fi
kubelet "$@" --config="$dir/kubelet.yaml" --root-dir="$dir/kubelet" --cert-dir="$dir/kubelet/pki" \
	--hostname-override=node --node-ip=192.0.2.1 -v=2 >"$dir/log/kubelet.log" 2>&1 &
echo up
wait
