package kube

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"goinit/integration/bed"
	"goinit/integration/vm"
)

// insideVM is set in the virtual machine.
const insideVM = "GOINIT_INSIDE_VM"

// A kubelet on cgroup v2: in a virtual machine. It is slow there, so the pods are small.
func TestVM(t *testing.T) {
	if os.Getenv(wholeCluster) == "" || os.Getenv(insideVM) != "" {
		t.Skip("make test-kube runs it")
	}
	m := bed.Machine(t)
	bin := bed.Kubernetes(t, "kube", "kubelet")
	m.Files["/kube/bin/kubelet"] = filepath.Join(bin, "kubelet")
	for _, program := range []string{"containerd", "containerd-shim-runc-v2", "ctr", "runc", "unshare", "nsenter"} {
		add(t, m, "/sbin/"+program, program)
	}
	for _, plugin := range []string{"bridge", "host-local", "loopback"} {
		add(t, m, "/opt/cni/bin/"+plugin, filepath.Join(bed.NetworkPlugins(), plugin))
	}
	for name, image := range map[string]*bed.Image{"pause": bed.Pause(t), "small": smallImage(t)} {
		archive, err := image.Archive(m.Dir)
		if err != nil {
			t.Fatal(err)
		}
		m.Files["/kube/images/"+name+".tar"] = archive
	}
	err := filepath.WalkDir(manifests, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			m.Files[path.Join("/src/kube", name)] = name
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(m.Dir, "empty")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	m.Files["/etc/resolv.conf"], m.Files["/etc/hosts"] = empty, empty
	m.Modules = []string{"overlay", "veth", "llc", "stp", "bridge"}
	m.Memory = 2048

	flags, env := bed.InMachine(t)
	c, err := m.AddTests("goinit/integration/kube", append(flags, "-test.v", "-test.run=^TestUnified$")...)
	if err != nil {
		t.Fatal(err)
	}
	c.Env = append(env, "GOINIT_BEDS=kube", insideVM+"=1", "GOINIT_TEST_KUBERNETES=/kube/bin", "GOINIT_TEST_IMAGES=/kube/images")
	bed.RunCommands(t, m, filepath.Join(built, "goinit"), c)
}

// smallImage has goinit, and no more than a shell.
func smallImage(t *testing.T) *bed.Image {
	t.Helper()
	image := bed.NewImage(t.TempDir(), "shop:1")
	image.Busybox()
	image.File("/sbin/goinit", filepath.Join(built, "goinit"))
	image.File("/sbin/goinitctl", filepath.Join(built, "goinitctl"))
	image.Dir, image.Entrypoint = "/", []string{"/sbin/goinit", "run"}
	return image
}

// unified is a spec for it.
const unified = `name: shop
shutdown: {timeout: 25s}
defaults: {user: "12345:12345"}
apps:
  web: {command: sleep 1000, workers: auto, resources: {memory: 32MiB, pids: 50}}
`

// What is otherwise on cgroup v2: a privileged container is in the machine's cgroup namespace, and must find itself there, its
// quota too; and the kernel is told to kill all of a container at once (memory.oom.group), but not for what is one worker's.
func TestUnified(t *testing.T) {
	if os.Getenv(insideVM) == "" {
		t.Skip("TestVM runs it, in the machine")
	}
	k := bed.Kubelet(t)
	k.Import(t, "small", func() *bed.Image { return smallImage(t) })

	pod := static(t, "privileged", unified+greedy)
	merge(pod, at(t, overlay(t, "privileged"), "spec", "template"))
	at(t, pod, "spec", "containers", "0", "resources", "limits")["cpu"] = "1500m"
	probe := at(t, pod, "spec", "containers", "0", "readinessProbe")
	unasked(t, pod)
	at(t, pod, "spec", "containers", "0")["readinessProbe"] = probe
	privileged := k.Static(t, "privileged", "shop", pod)

	pod = static(t, "once", lastWords)
	at(t, pod, "spec")["restartPolicy"] = "Never"
	unasked(t, pod)
	once := k.Static(t, "once", "shop", pod)

	t.Run("main ends", func(t *testing.T) { ended(t, once) })
	t.Run("out of memory", func(t *testing.T) { outOfMemory(t, privileged) })
}

// add puts a program into the machine, with what it is linked with.
func add(t *testing.T, m *vm.Machine, to, program string) {
	t.Helper()
	found, err := exec.LookPath(program)
	if err != nil {
		t.Fatal(err)
	}
	m.Files[to] = found
	linked, err := exec.Command("ldd", found).Output()
	if err != nil { // it is static
		return
	}
	for _, word := range strings.Fields(string(linked)) {
		if strings.HasPrefix(word, "/") {
			m.Files[word] = word
		}
	}
}
