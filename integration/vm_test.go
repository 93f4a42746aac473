package integration

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"goinit/integration/bed"
)

// insideVM is set for the tests that TestVM starts in the machine.
const insideVM = "GOINIT_INSIDE_VM"

// One boot of a virtual machine: below goinit as the kernel's own init run, with the whole of cgroup v2, tests that also
// run on other beds, and those that want the kernel's init.
func TestVM(t *testing.T) {
	m := bed.Machine(t)
	m.Files["/sbin/goinitctl"] = filepath.Join(built.dir, "goinitctl")
	m.Files["/sbin/worker"], m.Files["/sbin/contain"] = built.worker, built.contain
	if m.Kernel.Module("brd") != "" {
		m.Modules = []string{"brd rd_nr=1 rd_size=65536"} // a disk of 64 MiB, for limits of io
	}
	tests, err := m.AddTests("goinit/integration", "-test.v", "-test.run=^(TestKernelInit|TestNamespace|TestGroups)$")
	if err != nil {
		t.Fatal(err)
	}
	tests.Env = []string{"GOINIT_BIN=/sbin", "GOINIT_BEDS=namespace", insideVM + "=1"}
	// Of package cgroup, what need not wait long for an emulated processor.
	cgroups, err := m.AddTests("goinit/cgroup", "-test.v", "-test.skip=^(TestMemoryReached|TestCachedFilesAreNotReached|TestPressureIsTold)$")
	if err != nil {
		t.Fatal(err)
	}
	bed.RunCommands(t, m, built.goinit, cgroups, tests)
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
