package epoll

import (
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A modest loop's thread is SCHED_BATCH's from what it found while it held it until it parks or ends, and no other thread is.
func TestModest(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	b, err := NewBusy()
	if err != nil {
		t.Fatal(err)
	}
	b.Modest = true
	read, out := pipe(t)
	if err := b.Watch(read, 7, unix.EPOLLIN); err != nil {
		t.Fatal(err)
	}
	put := func() { _, _ = unix.Write(out, []byte{'x'}) }
	wait := func(soon time.Duration, policy int) {
		t.Helper()
		if n, err := b.Wait(make([]unix.EpollEvent, 4), soon); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if _, err := unix.Read(read, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if got := policyOf(t, 0); got != policy {
			t.Errorf("policy %d, want %d", got, policy)
		}
	}
	put()
	wait(0, unix.SCHED_NORMAL)
	put()
	wait(time.Millisecond, unix.SCHED_BATCH)
	if n := batchThreads(t); n != 1 {
		t.Errorf("%d threads of SCHED_BATCH", n)
	}
	newThreads(8)
	if n := batchThreads(t); n != 1 {
		t.Errorf("%d threads of SCHED_BATCH, after new ones", n)
	}
	put()
	wait(time.Millisecond, unix.SCHED_BATCH)
	go func() {
		for batchThreads(t) > 0 {
			runtime.Gosched()
		}
		put()
	}()
	wait(time.Millisecond, unix.SCHED_NORMAL)
	if n := batchThreads(t); n != 0 {
		t.Errorf("%d threads of SCHED_BATCH, once it has parked", n)
	}
	put()
	wait(time.Millisecond, unix.SCHED_BATCH)
	b.Close()
	if _, err := b.Wait(make([]unix.EpollEvent, 4), time.Millisecond); err == nil {
		t.Error("a closed set can be waited for")
	}
	if n := batchThreads(t); n != 0 {
		t.Errorf("%d threads of SCHED_BATCH, once it is closed", n)
	}
}

// Whoever runs goinit with another policy keeps it.
func TestModestKeepsAPolicy(t *testing.T) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // it ends with its goroutine
		if errno := schedule(unix.SCHED_IDLE); errno != 0 {
			t.Error(errno)
		}
		var p batch
		p.begin()
		if got := policyOf(t, 0); got != unix.SCHED_IDLE {
			t.Errorf("policy %d, want that of before", got)
		}
		p.end()
		if got := policyOf(t, 0); got != unix.SCHED_IDLE {
			t.Errorf("policy %d at the end, want that of before", got)
		}
	}()
	<-done
}

// policyOf is a thread's policy; -1: there is none of that number any more.
func policyOf(t *testing.T, tid int) int {
	t.Helper()
	policy, _, errno := unix.RawSyscall(unix.SYS_SCHED_GETSCHEDULER, uintptr(tid), 0, 0)
	switch errno {
	case 0:
		return int(policy)
	case unix.ESRCH:
		return -1
	}
	t.Error("sched_getscheduler:", errno)
	return -1
}

func batchThreads(t *testing.T) (n int) {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Error(err)
	}
	for _, task := range tasks {
		if tid, _ := strconv.Atoi(task.Name()); policyOf(t, tid) == unix.SCHED_BATCH {
			n++
		}
	}
	return n
}

// newThreads has the runtime have n more at least.
func newThreads(n int) {
	in, out := make(chan struct{}), make(chan struct{})
	for range n {
		go func() {
			runtime.LockOSThread()
			in <- struct{}{}
			<-out
			runtime.UnlockOSThread()
		}()
	}
	for range n {
		<-in
	}
	close(out)
}
