package health

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// sockets are listening ones; a program has them from descriptor 3 on.
func sockets(t *testing.T, n int) (files []*os.File, ids []Socket) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		f, err := l.(*net.TCPListener).File()
		l.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		if err := unix.SetNonblock(int(f.Fd()), false); err != nil { // accept is to block
			t.Fatal(err)
		}
		id, err := SocketOf(int(f.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		files, ids = append(files, f), append(ids, id)
	}
	return files, ids
}

// waiting starts a script that waits for connections in some way, and returns its processes: those whose pids it prints, and
// then an end of the line.
func waiting(t *testing.T, files []*os.File, who *syscall.Credential, script string) (pids []int) {
	t.Helper()
	c := exec.Command(python(t), "-u", "-c", "import os, select, signal, socket, sys, threading\n"+script)
	c.Dir, c.ExtraFiles, c.Stderr = "/", files, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Credential: who, Setpgid: true}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		c.Wait()
	})
	var line []byte
	for one := make([]byte, 1); !slices.Contains(line, '\n'); line = append(line, one[0]) {
		if n, err := out.Read(one); n == 0 {
			t.Fatalf("%v after %q", err, line)
		}
	}
	for _, word := range strings.Fields(string(line)) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return append(pids, c.Process.Pid)
}

// comesTo waits until a look finds that.
func comesTo(t *testing.T, want []Wait, pids []int, ids []Socket) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); ; <-tick.C {
		got, all := Waits(func() []int { return pids }, ids)
		if slices.Equal(got, want) && all {
			return
		}
		if time.Since(begun) > patience {
			t.Fatalf("%v, all of it: %v; want %v", got, all, want)
		}
	}
}

// untilAccepts waits until some thread waits in accept, on whatever socket: before that nothing would be seen of it anyway.
func untilAccepts(t *testing.T, pids []int) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); ; <-tick.C {
		for _, pid := range pids {
			p := process{path: "/proc/" + strconv.Itoa(pid)}
			err := eachEntry(p.path+"/task", 0, 0, func(_ int, thread string) error {
				if _, ok := acceptsOn(p, thread); ok {
					return errEnough
				}
				return nil
			})
			if err == errEnough {
				return
			}
		}
		if time.Since(begun) > patience {
			t.Fatal("nobody is in accept")
		}
	}
}

const (
	epolls  = "e = select.epoll(); e.register(3, select.EPOLLIN); print(); e.poll()"
	accepts = "l = socket.socket(fileno=3); l.settimeout(None); print(); l.accept()"
)

// What is seen of how real programs wait.
func TestWaits(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		want   []Wait
	}{
		"epoll":                        {epolls, []Wait{Polled, Unseen}},
		"epoll of both":                {"e = select.epoll(); e.register(3); e.register(4, select.EPOLLIN | select.EPOLLET); print(); e.poll()", []Wait{Polled, Polled}},
		"epoll of a copy":              {"f = os.dup(3); os.close(3); e = select.epoll(); e.register(f); print(); e.poll()", []Wait{Polled, Unseen}},
		"accept":                       {accepts, []Wait{Blocked, Unseen}},
		"accept in a thread":           {"threading.Thread(target=lambda: socket.socket(fileno=4).accept()).start(); print(); signal.pause()", []Wait{Unseen, Blocked}},
		"a child of it":                {"child = os.fork()\nif child: print(child); signal.pause()\nsocket.socket(fileno=3).accept()", []Wait{Blocked, Unseen}},
		"select":                       {"print(); select.select([3, 4], [], [])", []Wait{Unseen, Unseen}},
		"poll":                         {"p = select.poll(); p.register(3); print(); p.poll()", []Wait{Unseen, Unseen}},
		"not at all":                   {"print(); signal.pause()", []Wait{Unseen, Unseen}},
		"epoll and accept of its own":  {"os.close(3); l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen(); e = select.epoll(); e.register(l); print(); l.accept()", []Wait{Unseen, Unseen}},
		"accept of another descriptor": {"l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen(); os.dup2(l.fileno(), 3); print(); socket.socket(fileno=3).accept()", []Wait{Unseen, Unseen}},
	} {
		t.Run(name, func(t *testing.T) {
			files, ids := sockets(t, 2)
			pids := waiting(t, files, nil, c.script)
			if strings.Contains(c.script, "accept()") {
				untilAccepts(t, pids)
			}
			comesTo(t, c.want, pids, ids)
		})
	}
}

// What could not be looked at is told. Who is gone waits for nothing.
func TestWaitsOutOfSight(t *testing.T) {
	files, ids := sockets(t, 1)
	for name, pids := range map[string][]int{"nobody": nil, "who is gone": {1 << 22}} {
		if w, all := Waits(func() []int { return pids }, ids); w[0] != Unseen || !all {
			t.Errorf("%s: %v, all of it: %v", name, w, all)
		}
	}
	if _, err := SocketOf(-1); err != unix.EBADF {
		t.Errorf("of no descriptor: %v", err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Max < maxSteps+100 {
		t.Skipf("so many descriptors are not to be had: %v, %v", limit, err)
	}
	many := waiting(t, files, nil, fmt.Sprintf("import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (%d,) * 2)\nfor n in range(%d): os.dup(0)\n"+epolls, maxSteps+100, maxSteps))
	if w, all := Waits(func() []int { return many }, ids); w[0] != Unseen || all {
		t.Errorf("behind more descriptors than are looked at: %v, all of it: %v", w, all)
	}
}

// Without CAP_SYS_PTRACE, as in a container of Docker's, root sees what another user's program does all the same.
func TestWaitsOfAnotherUser(t *testing.T) {
	if !withoutPtrace(t) {
		return
	}
	files, ids := sockets(t, 1)
	for script, want := range map[string]Wait{epolls: Polled, accepts: Blocked} {
		pids := waiting(t, files, &syscall.Credential{Uid: 1234, Gid: 1235}, script)
		if _, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/0", pids[0])); err == nil {
			t.Fatal("its descriptors can be seen: there is nothing to test")
		}
		comesTo(t, []Wait{want}, pids, ids)
	}
}

// A look that hangs holds up no other for long, and no probe.
func TestWaitsBesideWhoHangs(t *testing.T) {
	files, ids := sockets(t, 1)
	pids := waiting(t, files, nil, epolls)
	synctest.Test(t, func(t *testing.T) {
		defer func(all chan struct{}) { inside = all }(inside)
		inside = make(chan struct{}, 1) // of the bubble: it waits by its clock
		inside <- struct{}{}            // as who hangs does
		if w, all := Waits(func() []int { return pids }, ids); w[0] != Unseen || all {
			t.Errorf("%v, all of it: %v", w, all)
		}
	})
	comesTo(t, []Wait{Polled}, pids, ids)
}
