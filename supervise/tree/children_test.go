package tree

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

// ourChildren starts sleepers from different threads.
func ourChildren(t *testing.T, n int) (pids []int) {
	t.Helper()
	for range n {
		c := exec.Command("sleep", "1000")
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		started := make(chan error)
		go func() { started <- c.Start() }()
		if err := <-started; err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
		pids = append(pids, c.Process.Pid)
	}
	return pids
}

func TestChildren(t *testing.T) {
	want := ourChildren(t, 20)
	r := &reader{}
	got, ok := r.children(os.Getpid())
	if !ok {
		t.Skip("this kernel has no list of children (CONFIG_PROC_CHILDREN)")
	}
	same(t, got, want)

	threads, err := r.numbers("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	got, r.buffer = nil, r.buffer[:16] // cuts numbers in two
	for _, thread := range threads {
		if got, ok = r.childrenOf("/proc/self/task/"+strconv.Itoa(thread)+"/children", got); !ok {
			t.Fatal("cannot be read with a small buffer")
		}
	}
	same(t, got, want)
	if _, ok := (&reader{}).children(1 << 30); ok {
		t.Error("a process that is not there has children")
	}
}

func same(t *testing.T, got, want []int) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("children %v, want %v", got, want)
	}
}

// It is only a no when somebody could be left: a stranger among our children, or a main process that lives on.
func TestNothingLeft(t *testing.T) {
	pids := ourChildren(t, 3)
	r := &reader{}
	if _, ok := r.children(os.Getpid()); !ok {
		t.Skip("this kernel has no list of children (CONFIG_PROC_CHILDREN)")
	}
	k := New(Config{PID: os.Getpid()})
	trees := make([]*Tree, len(pids))
	for i, pid := range pids {
		trees[i] = k.Add(Worker("web", i), 1, pid, func() {})
	}
	dead := k.Add("dead/0", 1, 1<<22, func() {}) // above the greatest pid there can be
	dead.Exited()
	dead.Await(0)
	left := func() bool { return !k.nothingLeft(r, k.exited()) }
	if left() {
		t.Error("all our children are living main processes, and yet something is left")
	}
	trees[0].Kill()
	if !left() {
		t.Error("a tree is to be killed whose main process lives")
	}
	trees[0].Exited()
	if !left() {
		t.Error("a child of ours belongs to no living main process")
	}
	if k = New(Config{PID: os.Getpid(), Everywhere: true}); k.nothingLeft(r, k.exited()) {
		t.Error("orphans are not our children, and yet nothing is left")
	}
}
