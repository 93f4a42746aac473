package tree

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseStat(t *testing.T) {
	line := "41 (a) S 1 (x) R 7 40 39 34 -1 4194304 290 0 0 0 0 0 0 0 20 0 3 0 1576946 2560000 342"
	p, ok := parseStat([]byte(line))
	want := process{pid: 41, parent: 7, group: 40, session: 39, threads: 3, flags: 4194304, start: 1576946, resident: 342, state: 'R'}
	if !ok || p != want {
		t.Errorf("%+v, want %+v", p, want)
	}
	own, ok := (&reader{}).stat(os.Getpid())
	group, _ := unix.Getpgid(0)
	session, _ := unix.Getsid(0)
	if !ok || own.pid != os.Getpid() || own.parent != os.Getppid() || own.group != group || own.session != session || own.threads < 2 || own.start == 0 {
		t.Errorf("own stat: %+v", own)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("41 (a) S 1 (x) R 7 40 39 34 -1 4194304 290 0 0 0 0 0 0 0 20 0 3 0 1576946 2560000 342"))
	f.Add([]byte("1 ("))
	f.Add([]byte(")  "))
	f.Fuzz(func(t *testing.T, line []byte) { parseStat(line) })
}

func TestThreadOfTheKernel(t *testing.T) {
	p, ok := parseStat([]byte("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 1 0 0 20 0 1 0 3 0 0"))
	if own, _ := (&reader{}).stat(os.Getpid()); !ok || !p.kernel() || own.kernel() {
		t.Errorf("kthreadd: %v, we: %v", p.kernel(), own.kernel())
	}
}

func TestZombieWithThreadsIsAlive(t *testing.T) {
	for _, c := range []struct {
		p    process
		dead bool
	}{{process{state: 'Z', threads: 1}, true}, {process{state: 'Z', threads: 2}, false}, {process{state: 'X'}, true}, {process{state: 'T', threads: 1}, false}} {
		if c.p.dead() != c.dead {
			t.Errorf("%+v: dead %v", c.p, !c.dead)
		}
	}
}
