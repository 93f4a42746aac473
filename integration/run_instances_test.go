package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"goinit/integration/bed"
)

// instance is a goinit outside of any container, as a person starts one for each of several programs.
type instance struct {
	name   string
	dir    string
	cmd    *exec.Cmd
	output *bed.Output
}

// startInstance runs a Node program below a goinit of its own, in a directory of its own.
func startInstance(t *testing.T, sockets, name string) *instance {
	t.Helper()
	i := &instance{name: name, dir: filepath.Join(t.TempDir(), name), output: bed.NewOutput()}
	if err := os.Mkdir(i.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := copyFile("testdata/server.js", filepath.Join(i.dir, name+".js")); err != nil {
		t.Fatal(err)
	}
	spec := "apps:\n  " + name + ":\n    command: node " + name + ".js\n    environment: {LISTEN: " + filepath.Join(sockets, name+".http") + "}\n"
	if err := os.WriteFile(filepath.Join(i.dir, "goinit.yaml"), []byte(spec), 0o644); err != nil {
		t.Fatal(err)
	}
	i.cmd = exec.Command(built.goinit, "run")
	i.cmd.Dir, i.cmd.Stdout, i.cmd.Stderr = i.dir, i.output, i.output
	i.cmd.Env = append(os.Environ(), "GOINIT_SOCKET_DIRECTORY="+sockets, "GOINIT_LOG_DIRECTORY="+filepath.Join(i.dir, "logs"))
	i.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM} // an ordered stop, should the test die
	if err := i.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.end() })
	i.output.Expect(t, "ready as pid ")
	return i
}

// end stops goinit, and thereby its program, and returns the exit status.
func (i *instance) end() int {
	if i.cmd.ProcessState == nil {
		i.cmd.Process.Signal(syscall.SIGTERM)
		i.cmd.Wait()
	}
	return i.cmd.ProcessState.ExitCode()
}

// Three goinits on one machine and one client that knows all of them: what the article about Resume.js builds from an IPC
// socket each (`-l`, `-s PID`, `-L PID`, a restart of what died), of 2014.
func TestRunInstances(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil { // and no root: this is an ordinary user's
		bed.Without(t, "namespace", "node is not installed")
	}
	sockets, err := os.MkdirTemp("", "sockets-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(sockets) })
	t.Setenv("GOINIT_SOCKET_DIRECTORY", sockets) // not this machine's own goinits
	names := []string{"example", "other", "server"}
	instances := map[string]*instance{}
	for _, name := range names {
		instances[name] = startInstance(t, sockets, name)
	}
	all := client{"-A"}
	list := func() map[string]row {
		rows := map[string]row{}
		for _, r := range all.ps(t) {
			rows[r.Instance] = r
		}
		return rows
	}
	pid := func(name string) string { return strconv.Itoa(*list()[name].PID) }

	// pro_a -l: list all, with information.
	all.run(t, "ps")
	before := list()
	for _, name := range names {
		if r := before[name]; r.App != name || r.State != "running" || r.PID == nil {
			t.Fatalf("%s: %v", name, r)
		} else if word := cmdline(*r.PID); !strings.HasSuffix(word, name+".js") {
			t.Errorf("%s: pid %d is %q", name, *r.PID, word)
		}
	}

	// A program that dies is started again.
	if err := syscall.Kill(*before["other"].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	bed.Wait(t, "other to be back", func() (bool, string) {
		r := list()["other"]
		return r.PID != nil && *r.PID != *before["other"].PID && r.Restarts == 1, r.String()
	})

	// pro_a -L 1130: the log of one.
	logs := all.run(t, "logs", pid("server")).Stdout
	if want := "ready as pid " + pid("server") + ", child of " + strconv.Itoa(instances["server"].cmd.Process.Pid) + "\n"; logs != want {
		t.Errorf("logs of one: %q, wanted %q", logs, want)
	}

	// pro_a -s 1140: stop one. It stays stopped, its goinit stays, and the others are as they were.
	stopped := pid("example")
	if r := all.run(t, "stop", stopped); r.Status != 0 {
		t.Errorf("stop: status %d", r.Status)
	}
	instances["example"].output.Expect(t, "got SIGTERM, closing")
	instances["example"].output.Expect(t, "closed")
	now := list()
	if r := now["example"]; r.State != "stopped" || r.PID != nil {
		t.Errorf("stopped by pid: %v", r)
	}
	if *now["server"].PID != *before["server"].PID {
		t.Errorf("stop of one touched another: %v", now["server"])
	}
	if r := all.run(t, "stop", stopped); r.Status != 4 {
		t.Errorf("stop of a pid that is gone: status %d, wanted 4: no such target", r.Status)
	}

	// Restart one.
	old := pid("server")
	if r := all.run(t, "restart", old); r.Status != 0 {
		t.Errorf("restart: status %d", r.Status)
	}
	if now := pid("server"); now == old {
		t.Errorf("restarted by pid, and still pid %s", now)
	}
	instances["server"].output.Expect(t, "closed")
	instances["server"].output.Expect(t, "ready as pid ")

	// A goinit is killed. Its program goes on without it; its socket is skipped, and removed.
	left := *list()["server"].PID
	orphan, err := unix.PidfdOpen(left, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(orphan)
	defer unix.PidfdSendSignal(orphan, unix.SIGKILL, nil, 0)
	if !slices.Contains(filesIn(t, sockets), "server.sock") {
		t.Fatalf("the sockets are %v: this tests nothing", filesIn(t, sockets))
	}
	instances["server"].cmd.Process.Kill()
	instances["server"].cmd.Wait()
	if r := all.run(t, "ps"); r.Status != 0 || strings.Contains(r.Stdout, "server") || !strings.Contains(r.Stdout, "other") {
		t.Errorf("ps with one killed goinit: status %d", r.Status)
	}
	if files := filesIn(t, sockets); slices.ContainsFunc(files, func(f string) bool { return strings.HasPrefix(f, "server.") && f != "server.http" }) {
		t.Errorf("a killed goinit's files are still there: %v", files)
	}

	// The others end in order, and take their files with them.
	for _, name := range []string{"example", "other"} {
		if status := instances[name].end(); status != 0 {
			t.Errorf("%s: status %d\n%s", name, status, instances[name].output)
		}
	}
	if r := all.run(t, "ps"); r.Status != 3 {
		t.Errorf("ps without any goinit: status %d, wanted 3", r.Status)
	}
	if files := filesIn(t, sockets); slices.ContainsFunc(files, func(f string) bool { return strings.HasSuffix(f, ".sock") || strings.HasSuffix(f, ".json") }) {
		t.Errorf("files that are left: %v", files)
	}
}

func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// cmdline is the command line of a process.
func cmdline(pid int) string {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return strings.ReplaceAll(strings.TrimSuffix(string(text), "\x00"), "\x00", " ")
}
