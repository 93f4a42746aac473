package bed

import (
	"bytes"
	"context"
	"crypto/tls"
	_ "embed"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Kube is a node of Kubernetes: a kubelet with a containerd of its own, by itself or as the one node of a small cluster.
// Pods have addresses in a network that only Dial and the node's own programs reach.
type Kube struct {
	dir     string
	bin     string   // where kubectl is
	network *os.File // the node's network namespace
	init    int      // the first process of its PID namespace, as seen from here
	client  *http.Client
}

//go:embed kube.sh
var kubeScript string

// What kube.sh is told, or tells, of the image of a pod's first process and of the node's address.
const (
	pauseImage = "goinit.test/pause:1"
	nodeIP     = "192.0.2.1"
)

// pluginDirs are where distributions have the network plug-ins.
var pluginDirs = []string{"/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"}

// Kubelet returns a node without a cluster, whose pods are those of a folder. It ends with the test.
func Kubelet(t testing.TB) *Kube {
	t.Helper()
	return startKube(t, "kube", "standalone", "kubelet")
}

// Cluster returns a node in a cluster. It ends with the test.
func Cluster(t testing.TB) *Kube {
	t.Helper()
	Need(t, "cluster", "etcd", "openssl", "iptables")
	return startKube(t, "cluster", "cluster", "kubelet", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubectl")
}

// NetworkPlugins is the directory with the plug-ins of pods' networks; empty if there is none.
func NetworkPlugins() string {
	for _, dir := range pluginDirs {
		if _, err := os.Stat(filepath.Join(dir, "bridge")); err == nil {
			return dir
		}
	}
	return ""
}

// startKube runs kube.sh and waits until the kubelet answers. The executables are built from their sources where the cache
// has none, which takes minutes, or somebody's build that is under way is waited for.
func startKube(t testing.TB, bed, what string, programs ...string) *Kube {
	t.Helper()
	if os.Getenv("CI") != "" { // there, nobody reads what is skipped
		t.Setenv("GOINIT_BEDS", os.Getenv("GOINIT_BEDS")+","+bed)
	}
	Need(t, bed, "containerd", "ctr", "runc", "unshare", "nsenter", "ip")
	plugins := NetworkPlugins()
	if plugins == "" {
		Without(t, bed, "the network plug-ins are not installed (apt-get install containernetworking-plugins)")
	}
	bin := Kubernetes(t, bed, programs...)
	dir, err := os.MkdirTemp("", "goinit-kube-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "kube.sh"), []byte(keepScript+kubeScript), 0o644); err != nil {
		t.Fatal(err)
	}
	group := "goinit-bed-" + strings.TrimPrefix(filepath.Base(dir), "goinit-kube-")
	keeper := exec.Command("sh", "-c", keepScript+kubeScript, "kube.sh", dir, group, bin, what)
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Fatal(err)
	}
	keeper.Env = append(os.Environ(), "UNSHARE="+unshare, "PAUSE="+pauseImage, "CNI="+plugins)
	keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a Ctrl-C ends the test, and thereby the node
	hold, err := keeper.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := keeper.Start(); err != nil {
		t.Fatal(err)
	}
	k := &Kube{dir: dir, bin: bin}
	k.client = &http.Client{Timeout: Deadline, Transport: &http.Transport{DisableKeepAlives: true, DialContext: k.dialContext, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	t.Cleanup(func() {
		if t.Failed() {
			k.tell(t)
		}
		if k.network != nil {
			k.network.Close()
		}
		hold.Close()
		keeper.Wait()
	})
	k.enter(t, keeper.Process.Pid)
	waitFor(t, podDeadline, "the kubelet to be healthy", func() (bool, string) {
		text, err := k.get("/healthz")
		up, _ := os.ReadFile(filepath.Join(dir, "up.log"))
		return err == nil && string(text) == "ok", fmt.Sprintf("%s, %v\n%s", text, err, up)
	})
	t.Logf("the kubelet is healthy after %v", time.Since(began).Round(time.Millisecond))
	k.Import(t, "pause", func() *Image { return Pause(t) })
	return k
}

// kubernetesVariable is where the executables are, and imagesVariable where archives of images are, NAME.tar: in a virtual machine,
// which has no compiler, and not the programs that images are made of.
const (
	kubernetesVariable = "GOINIT_TEST_KUBERNETES"
	imagesVariable     = "GOINIT_TEST_IMAGES"
)

// Kubernetes returns the directory that has the executables.
func Kubernetes(t testing.TB, bed string, programs ...string) string {
	t.Helper()
	if dir := os.Getenv(kubernetesVariable); dir != "" {
		return dir
	}
	module, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(filepath.Dir(strings.TrimSpace(string(module))), "scripts/build-kubelet.sh")
	began := time.Now()
	out, err := exec.Command(script, programs...).Output()
	if err != nil {
		said := ""
		if ended, ok := err.(*exec.ExitError); ok {
			said = string(ended.Stderr)
		}
		Without(t, bed, fmt.Sprintf("%s cannot be built: %v\n%s", strings.Join(programs, ", "), err, said))
	}
	if waited := time.Since(began); waited > time.Second {
		t.Logf("%s: built, or waited for, within %v", strings.Join(programs, ", "), waited.Round(time.Second))
	}
	return strings.TrimSpace(string(out))
}

// enter finds the namespaces of the node, which the child of the keeper's unshare has.
func (k *Kube) enter(t testing.TB, keeper int) {
	t.Helper()
	waitFor(t, podDeadline, "the node's namespaces", func() (bool, string) {
		outer := child(keeper, "unshare")
		inner := child(outer, "sh")
		if inner == 0 {
			up, _ := os.ReadFile(filepath.Join(k.dir, "up.log"))
			return false, string(up)
		}
		file, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", inner))
		if err != nil {
			return false, err.Error()
		}
		k.network, k.init = file, inner
		return true, ""
	})
}

// child is a child of a process that executes a program of that name (proc_pid_comm(5)); 0 if there is none.
func child(pid int, name string) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, word := range strings.Fields(string(text)) {
		comm, _ := os.ReadFile("/proc/" + word + "/comm")
		if strings.TrimSpace(string(comm)) == name {
			n, _ := strconv.Atoi(word)
			return n
		}
	}
	return 0
}

func (k *Kube) dialContext(_ context.Context, network, address string) (net.Conn, error) {
	return k.Dial(network, address)
}

// Dial connects in the node's network: a socket belongs to the namespace in which it was made.
func (k *Kube) Dial(network, address string) (net.Conn, error) {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	defer home.Close()
	if err := unix.Setns(int(k.network.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("entering the node's network: %w", err)
	}
	// An address without a name is dialled by this goroutine, and so by this thread.
	conn, err := net.DialTimeout(network, address, Deadline)
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back == nil {
		runtime.UnlockOSThread() // else the thread ends with the goroutine, and with it the way it has lost
	}
	return conn, err
}

// get asks the kubelet.
func (k *Kube) get(path string) ([]byte, error) { return k.ask(http.MethodGet, path) }

func (k *Kube) ask(method, path string) ([]byte, error) {
	request, err := http.NewRequest(method, "https://"+nodeIP+":10250"+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := k.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, strings.TrimSpace(string(text)))
	}
	return text, err
}

// Command is a program in the node's namespaces, with what kubectl wants to know.
func (k *Kube) Command(t testing.TB, words ...string) *exec.Cmd {
	t.Helper()
	args := append([]string{"--target", strconv.Itoa(k.init), "--mount", "--net", "--pid", "--wd=" + k.dir, "--"}, words...)
	cmd := exec.Command("nsenter", args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(k.dir, "kubeconfig"), "HOME="+k.dir)
	return cmd
}

// Quiet runs a program in the node's namespaces.
func (k *Kube) Quiet(t testing.TB, words ...string) Result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := k.Command(t, words...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return Result{stdout.String(), stderr.String(), status(cmd.ProcessState), time.Since(began)}
}

// Kubectl runs kubectl and logs it as a person would see it.
func (k *Kube) Kubectl(t testing.TB, args ...string) Result {
	t.Helper()
	r := k.Quiet(t, append([]string{filepath.Join(k.bin, "kubectl")}, args...)...)
	t.Logf("$ kubectl %s\n%s[status %d, %d ms]", strings.Join(args, " "), indent(r.Stdout+r.Stderr), r.Status, r.Took.Milliseconds())
	return r
}

// Import gives containerd an image, which is made unless there is an archive of that name.
func (k *Kube) Import(t testing.TB, name string, make func() *Image) {
	t.Helper()
	began := time.Now()
	archive := filepath.Join(os.Getenv(imagesVariable), name+".tar")
	if os.Getenv(imagesVariable) == "" {
		var err error
		if archive, err = make().Archive(k.dir); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(archive)
	}
	r := k.Quiet(t, "ctr", "--address", filepath.Join(k.dir, "containerd.sock"), "--namespace", "k8s.io", "images", "import", archive)
	if r.Status != 0 {
		t.Fatalf("importing %s: %s", name, r.Stderr)
	}
	t.Logf("image %s after %v", name, time.Since(began).Round(time.Millisecond))
}

// Pause is the image of a pod's first process.
func Pause(t testing.TB) *Image {
	t.Helper()
	dir := t.TempDir()
	pause := filepath.Join(dir, "pause")
	build := exec.Command("go", "build", "-o", pause, "goinit/integration/pause")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	image := NewImage(dir, pauseImage)
	image.File("/pause", pause)
	image.Entrypoint = []string{"/pause"}
	return image
}

// tell is what the node's programs have written that may say why a test has failed.
func (k *Kube) tell(t testing.TB) {
	t.Helper()
	logs, _ := filepath.Glob(filepath.Join(k.dir, "log", "*.log"))
	for _, log := range append(logs, filepath.Join(k.dir, "up.log")) {
		text, _ := os.ReadFile(log)
		var last []string
		for line := range strings.Lines(string(text)) {
			if name := filepath.Base(log); name == "up.log" || strings.HasPrefix(line, "E") || strings.Contains(line, "level=error") {
				last = append(last, line)
			}
		}
		t.Logf("%s:\n%s", filepath.Base(log), indent(strings.Join(last[max(0, len(last)-15):], "")))
	}
}
