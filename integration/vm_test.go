package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"goinit/integration/bed"
	"goinit/integration/vm"
)

// insideVM is set for the tests that TestVM starts in the machine.
const insideVM = "GOINIT_INSIDE_VM"

// long asks for everything in the machine: what only takes more of the same is shortened there otherwise.
const long = "GOINIT_VM_LONG"

// machine has the programs that the tests inside want.
func machine(t *testing.T) *vm.Machine {
	m := bed.Machine(t)
	m.Files["/sbin/goinitctl"] = filepath.Join(built.dir, "goinitctl")
	m.Files["/sbin/worker"], m.Files["/sbin/contain"] = built.worker, built.contain
	return m
}

// testsInside are those of a package that match a pattern.
func testsInside(t *testing.T, m *vm.Machine, pkg, pattern string) vm.Command {
	flags, env := bed.InMachine(t)
	if os.Getenv(long) == "" {
		flags = append(flags, "-test.short")
	}
	c, err := m.AddTests(pkg, append(flags, "-test.v", "-test.run="+pattern)...)
	if err != nil {
		t.Fatal(err)
	}
	c.Env = append(env, "GOINIT_BIN=/sbin", "GOINIT_BEDS=namespace", insideVM+"=1")
	return c
}

// One boot of a virtual machine: below goinit as the kernel's own init run, with the whole of cgroup v2, tests that also
// run on other beds, and those that want the kernel's init.
func TestVM(t *testing.T) {
	m := machine(t)
	all := []vm.Command{
		testsInside(t, m, "goinit/integration", "^(TestKernelInit|TestNamespace|TestGroups)$"),
		testsInside(t, m, "goinit/cgroup", "."),
		testsInside(t, m, "goinit/schedule", "Clock"),
	}
	if m.Kernel.Module("brd") != "" { // a disk of 256 MiB, in memory: for limits of io, and for files whose cache can be given back
		m.Modules = []string{"brd rd_nr=1 rd_size=262144"}
		if os.Getenv(long) != "" { // two minutes of an emulated processor, for one test of package cgroup
			all[1].Env = append(all[1].Env, "GOINIT_TEST_DISK="+ramDisk)
		}
	}
	bed.RunCommands(t, m, built.goinit, all...)
}

// kernelSpec is that of a goinit that the kernel itself has started. The driver writes past goinit, as the stage does.
const kernelSpec = `name: kernel
defaults: {on_failure: ignore, stop: {timeout: 30s}}
apps:
  web: {command: /sbin/worker serve /run, workers: 2, resources: {memory: 64MiB, pids: 50}}
  driver: {shell: "STAGE >/dev/ttyS1 2>&1; goinitctl shutdown --no-wait", restart: "no"}
`

// A boot whose PID 1 is goinit in run mode, in no namespace: the root of the hierarchy is its own group. Its end is the kernel's.
func TestVMRun(t *testing.T) {
	m := machine(t)
	spec := filepath.Join(m.Dir, "goinit.yaml")
	if err := os.WriteFile(spec, []byte(strings.Replace(kernelSpec, "STAGE", strings.Join(vm.Stage, " "), 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	m.Files["/vm/goinit.yaml"] = spec
	m.Init = []string{"/sbin/goinit", "run", "-f", "/vm/goinit.yaml"}
	r := bed.RunCommands(t, m, built.goinit, testsInside(t, m, "goinit/integration", "^TestKernelRun$"))
	if r.Status != 0 {
		t.Errorf("PID 1 ended with status %d", r.Status)
	}
	const end = "Attempted to kill init! exitcode=0x00000000"
	if strings.Count(r.Kernel, end) != 1 {
		t.Errorf("the kernel did not say %q, but\n%s", end, r.Kernel)
	}
}

// What only the kernel's init is: the parent of everything that has none, in a root of cgroup v2 that has all controllers.
func TestKernelInit(t *testing.T) {
	if os.Getenv(insideVM) == "" {
		t.Skip("TestVM runs it, in the machine")
	}
	stat, err := os.ReadFile("/proc/1/stat")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(stat), "1 (goinit) S 0 ") {
		t.Errorf("PID 1 is %.20s", stat)
	}
	controllers, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{"cpuset", "cpu", "io", "memory", "hugetlb", "pids"} {
		if !strings.Contains(" "+strings.TrimSpace(string(controllers))+" ", " "+c+" ") {
			t.Errorf("there is no controller %s", c)
		}
	}
	parent, err := os.ReadFile("/proc/" + strconv.Itoa(os.Getppid()) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	if _, fields, _ := strings.Cut(string(parent), ") "); !strings.HasPrefix(fields[1:], " 1 ") {
		t.Errorf("the parent of this test is no child of PID 1: %s", parent)
	}
}

// Workers of a goinit that is the kernel's init have their groups at the top of the hierarchy, beside the kernel's threads.
func TestKernelRun(t *testing.T) {
	if os.Getenv(insideVM) == "" {
		t.Skip("TestVMRun runs it, in the machine")
	}
	const top = "/sys/fs/cgroup"
	if own := file(t, "/proc/self/cgroup"); !groupOf(own, "driver", 0) {
		t.Errorf("this test is in %s", own)
	}
	if threads := " " + file(t, top+"/cgroup.procs") + " "; !strings.Contains(threads, " 2 ") {
		t.Errorf("kthreadd is not in the root: %s", threads)
	}
	t.Logf("goinit is in %s", file(t, "/proc/1/cgroup"))
	c := client{}
	c.run(t, "info")
	before := c.waitRows(t, "the workers to run", func(r row) bool { return r.State == "running" }, "web")
	c.run(t, "ps")
	c.run(t, "stats")
	for _, r := range before {
		path := pathOf(t, file(t, fmt.Sprintf("/proc/%d/cgroup", *r.PID)), "", true)
		if !groupOf(path, "web", *r.Slot) {
			t.Errorf("%v is in %s", r, path)
		}
		if got := file(t, top+path+"/memory.max"); got != "67108864" {
			t.Errorf("%v may have %s bytes", r, got)
		}
	}
	c.must(t, "restart", "web")
	for i, r := range c.waitRows(t, "the workers to run again", func(r row) bool { return r.State == "running" }, "web") {
		if *r.PID == *before[i].PID {
			t.Errorf("restarted: %v", r)
		}
	}
	c.must(t, "stop", "web")
	if text, err := os.ReadFile(top + "/apps/web/cgroup.procs"); err == nil && len(text) > 0 {
		t.Errorf("left of web: %s", text)
	}
	c.run(t, "ps")
}
