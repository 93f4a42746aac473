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

// The same kubelet, and the same pods, on cgroup v2: in a virtual machine.
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
	for name, image := range map[string]*bed.Image{"pause": bed.Pause(t), "shop": shopImage(t)} {
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
	m.Memory = 3072

	flags, env := bed.InMachine(t)
	c, err := m.AddTests("goinit/integration/kube", append(flags, "-test.v", "-test.run=^TestKubelet$")...)
	if err != nil {
		t.Fatal(err)
	}
	c.Env = append(env, "GOINIT_BEDS=kube", insideVM+"=1", "GOINIT_TEST_KUBERNETES=/kube/bin", "GOINIT_TEST_IMAGES=/kube/images")
	bed.RunCommands(t, m, filepath.Join(built, "goinit"), c)
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
