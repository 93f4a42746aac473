package bed

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Container is a container that runs in the background, and is removed with the test.
type Container struct {
	ID     string
	engine *Engine
}

// Detach is docker run --detach with the arguments. No container has a network but the loopback of its own, unless the
// arguments say so.
func (e *Engine) Detach(t testing.TB, args ...string) *Container {
	t.Helper()
	id := e.Must(t, append([]string{"run", "--detach", "--network", "none"}, args...)...)
	c := &Container{ID: id[:12], engine: e}
	t.Cleanup(func() { e.Quiet(t, "rm", "--force", "--volumes", c.ID) })
	return c
}

// Named is the container that a client on a terminal will run with --name: it is removed with the test.
func (e *Engine) Named(t testing.TB, name string) *Container {
	t.Helper()
	t.Cleanup(func() { e.Quiet(t, "rm", "--force", "--volumes", name) })
	return &Container{ID: name, engine: e}
}

// Logs is what the container wrote so far, stdout before stderr.
func (c *Container) Logs(t testing.TB) string {
	t.Helper()
	r := c.engine.Quiet(t, "logs", c.ID)
	return r.Stdout + r.Stderr
}

// Expect waits for text in the logs.
func (c *Container) Expect(t testing.TB, text string) {
	t.Helper()
	Wait(t, strconv.Quote(text)+" in the container's logs", func() (bool, string) {
		logs := c.Logs(t)
		return strings.Contains(logs, text), logs
	})
}

// Inspect is one value of docker inspect, by its Go template.
func (c *Container) Inspect(t testing.TB, template string) string {
	t.Helper()
	r := c.engine.Quiet(t, "inspect", "--format", template, c.ID)
	if r.Status != 0 {
		t.Fatal("docker inspect: ", r.Stderr)
	}
	return strings.TrimSpace(r.Stdout)
}

// Wait waits for the end of the container and returns its exit status.
func (c *Container) Wait(t testing.TB) int {
	t.Helper()
	Wait(t, "the end of the container", func() (bool, string) {
		state := c.Inspect(t, "{{.State.Status}}")
		return state == "exited", state
	})
	return c.exitCode(t)
}

func (c *Container) exitCode(t testing.TB) int {
	t.Helper()
	code, err := strconv.Atoi(c.Inspect(t, "{{.State.ExitCode}}"))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// Stop is docker stop: it returns how that went and the container's exit status.
func (c *Container) Stop(t testing.TB) (Result, int) {
	t.Helper()
	r := c.engine.Run(t, "stop", c.ID)
	code := c.exitCode(t)
	t.Logf("exit status of the container: %d", code)
	return r, code
}

// Kill is docker kill with a signal.
func (c *Container) Kill(t testing.TB, sig string) {
	t.Helper()
	c.engine.Must(t, "kill", "--signal", sig, c.ID)
}

// Process is a line of docker top.
type Process struct {
	PID, Parent int // as the engine sees them, not the container
	State       string
	Name        string
}

// Processes are all of the container that run; none if it does not run. Zombies are not among them: a group's cgroup.procs,
// by which docker top chooses, does not list what has ended.
func (c *Container) Processes(t testing.TB) []Process {
	t.Helper()
	r := c.engine.Quiet(t, "top", c.ID, "-o", "pid,ppid,stat,comm")
	if r.Status != 0 {
		return nil
	}
	var all []Process
	for _, line := range strings.Split(strings.TrimSpace(r.Stdout), "\n")[1:] {
		f := strings.Fields(line)
		if len(f) < 4 {
			t.Fatalf("docker top gave %q", line)
		}
		pid, _ := strconv.Atoi(f[0])
		parent, _ := strconv.Atoi(f[1])
		all = append(all, Process{pid, parent, f[2], strings.Join(f[3:], " ")})
	}
	return all
}

// Zombies are the names of the processes that have ended and for whom nobody has waited, in the PID namespace of the
// container.
func (c *Container) Zombies(t testing.TB) (names []string) {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	namespaces := map[string]bool{}
	for _, dir := range dirs {
		if strings.Contains(read(dir+"/cgroup"), c.ID) {
			namespaces[namespaceOf(dir)] = true
		}
	}
	delete(namespaces, "") // of one that is gone by now
	if len(namespaces) == 0 {
		t.Fatalf("container %s has no process", c.ID)
	}
	for _, dir := range dirs {
		if namespaces[namespaceOf(dir)] && strings.Contains(read(dir+"/status"), "\nState:\tZ") {
			names = append(names, strings.TrimSpace(read(dir+"/comm")))
		}
	}
	return names
}

// namespaceOf is the PID namespace of a process, by its directory in /proc; "" if it is gone. A zombie has it still.
func namespaceOf(dir string) string {
	name, _ := os.Readlink(dir + "/ns/pid")
	return name
}
