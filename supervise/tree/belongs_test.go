package tree

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestBelongs: a child, one in a session of its own, and one that has lost its parents but not the session belong; a
// stranger does not, whatever its environment says.
func TestBelongs(t *testing.T) {
	start := func(script string, env ...string) (main int, named map[string]int) {
		c := exec.Command("sh", "-c", script)
		c.Env = append(os.Environ(), env...)
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		named = map[string]int{}
		t.Cleanup(func() {
			in.Close()
			for _, pid := range named {
				syscall.Kill(pid, syscall.SIGKILL)
			}
			syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
			io.Copy(io.Discard, out)
			c.Wait()
		})
		for s := bufio.NewScanner(out); s.Scan() && s.Text() != "all"; {
			name, text, _ := strings.Cut(s.Text(), " ")
			pid, err := strconv.Atoi(text)
			if err != nil {
				t.Fatalf("%q", s.Text())
			}
			named[name] = pid
		}
		return c.Process.Pid, named
	}
	main, named := start(`
sleep 1000 & echo child $!
setsid sh -c 'echo session $$; exec sleep 1000' &
(sleep 1000 & echo orphan $!)
until [ "$(ps -o sid= -p $! | tr -d ' ')" = $! ]; do :; done
echo all; read line`)
	if len(named) != 3 {
		t.Fatalf("started %v", named)
	}
	members := Members(main)
	if len(members) == 0 || members[0] != main {
		t.Errorf("members %v, want %d first", members, main)
	}
	for name, pid := range named {
		if !Belongs(main, pid) || !slices.Contains(members, pid) {
			t.Errorf("the %s does not belong", name)
		}
	}
	stranger, _ := start("echo all; read line", WorkerVariable+"=web/0", BootVariable+"=x")
	for _, pid := range []int{stranger, os.Getpid(), 1, 0, -1, 1 << 22} {
		if Belongs(main, pid) || slices.Contains(members, pid) {
			t.Errorf("%d belongs", pid)
		}
	}
	if got := Members(1 << 22); got != nil {
		t.Errorf("nobody's members: %v", got)
	}
}
