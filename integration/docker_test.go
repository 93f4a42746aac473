package integration

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"goinit/integration/bed"
)

// soon is what docker stop may take where the program ends by itself: far below the ten seconds after which Docker kills,
// and enough for a busy machine.
const soon = 5 * time.Second

// The exit status of the command is that of docker run.
func TestDockerRunStatus(t *testing.T) {
	e := docker(t)
	for _, c := range []struct {
		name   string
		argv   []string
		status int
		stderr string // a part of goinit's message; "": it says nothing
	}{
		{"success", []string{"true"}, 0, ""},
		{"failure", []string{"sh", "-c", "exit 42"}, 42, ""},
		{"killed by KILL", []string{"sh", "-c", "kill -KILL $$"}, 128 + 9, ""},
		{"killed by TERM", []string{"sh", "-c", "kill -TERM $$"}, 128 + 15, ""},
		{"killed by SEGV", []string{"sh", "-c", "kill -SEGV $$"}, 128 + 11, ""},
		{"killed by RTMIN+3", []string{"bash", "-c", "kill -s RTMIN+3 $$"}, 128 + 37, ""},
		{"not found in PATH", []string{"no-such-command"}, 127, `cannot start "no-such-command": not found in PATH`},
		{"no such file", []string{"/no/such/file"}, 127, `cannot start "/no/such/file": no such file`},
		{"not executable", []string{"/etc/passwd"}, 126, `cannot start "/etc/passwd": it is not executable`},
		{"a directory", []string{"/etc"}, 126, `cannot start "/etc": it is a directory`},
		{"unknown flag", []string{"--entrypoint", "/sbin/goinit", debianImage, "--no-such-flag"}, 64, "unknown flag --no-such-flag"},
		{"no command", []string{"--entrypoint", "/sbin/goinit", debianImage}, 64, "nothing to run"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{"run", "--rm", "--network", "none"}
			if c.argv[0] != "--entrypoint" {
				args = append(args, debianImage)
			}
			r := e.Run(t, append(args, c.argv...)...)
			if r.Status != c.status {
				t.Errorf("status %d, wanted %d", r.Status, c.status)
			}
			if c.stderr == "" && r.Stderr != "" || !strings.Contains(r.Stderr, c.stderr) {
				t.Errorf("on stderr: %q, wanted %q", r.Stderr, c.stderr)
			}
			if r.Stdout != "" {
				t.Errorf("on stdout: %q", r.Stdout)
			}
		})
	}
}

// goinit is PID 1, the server its only child, and stdin, stdout and stderr are the container's.
func TestDockerRunNode(t *testing.T) {
	e := docker(t)
	c := e.Detach(t, nodeImage)
	c.Expect(t, "ready as pid ")
	if comm := e.Must(t, "exec", c.ID, "cat", "/proc/1/comm"); comm != "goinit" {
		t.Errorf("PID 1 is %s", comm)
	}
	if answer := e.Must(t, "exec", c.ID, "node", "request.js", "/"); !strings.HasSuffix(answer, "child of 1") {
		t.Errorf("the server answers %q", answer)
	}
	r := e.Run(t, "run", "--rm", "--network", "none", "--interactive=false", nodeImage, "node", "-e", `console.log("out"); console.error("err")`)
	if r.Stdout != "out\n" || r.Stderr != "err\n" {
		t.Errorf("stdout %q, stderr %q", r.Stdout, r.Stderr)
	}
}

// docker stop reaches the program at once, what it still has to do is done, and its status is the container's.
func TestDockerStop(t *testing.T) {
	e := docker(t)
	t.Run("graceful server", func(t *testing.T) {
		c := e.Detach(t, "--env", "STATUS=5", "--env", "SLOW_MS=1000", nodeImage)
		c.Expect(t, "ready as pid ")
		e.Must(t, "exec", "--detach", c.ID, "node", "request.js", "/slow")
		c.Expect(t, "slow request")
		r, status := c.Stop(t)
		if status != 5 {
			t.Errorf("status %d, wanted the server's own, 5", status)
		}
		if r.Took > soon {
			t.Errorf("docker stop took %v", r.Took)
		}
		bed.InOrder(t, c.Logs(t), "slow request", "got SIGTERM, closing", "slow answered", "closed")
	})
	t.Run("no handler", func(t *testing.T) { // as PID 1 itself, sleep would not die of TERM
		c := e.Detach(t, debianImage, "sleep", "1000")
		r, status := c.Stop(t)
		if status != 128+15 {
			t.Errorf("status %d, wanted 143", status)
		}
		if r.Took > soon {
			t.Errorf("docker stop took %v", r.Took)
		}
	})
	t.Run("at once", func(t *testing.T) { // TERM may come before goinit's first instruction
		for range 10 {
			c := e.Detach(t, debianImage, "sleep", "1000")
			if r, status := c.Stop(t); status != 128+15 || r.Took > soon {
				t.Errorf("status %d after %v, wanted 143", status, r.Took)
			}
		}
	})
	t.Run("TERM ignored", func(t *testing.T) {
		c := e.Detach(t, debianImage, "sh", "-c", "trap '' TERM; echo ready; sleep 1000")
		c.Expect(t, "ready")
		e.Must(t, "stop", "--time", "1", c.ID)
		if status := c.Wait(t); status != 128+9 {
			t.Errorf("status %d, wanted 137: Docker's KILL", status)
		}
	})
	t.Run("another stop signal", func(t *testing.T) { // systemd's, made TERM for the program
		c := e.Detach(t, "--stop-signal", "RTMIN+3", "--env", "GOINIT_REWRITE=RTMIN+3:TERM", nodeImage)
		c.Expect(t, "ready as pid ")
		if r, status := c.Stop(t); status != 0 || r.Took > soon {
			t.Errorf("status %d after %v, wanted 0", status, r.Took)
		}
		bed.InOrder(t, c.Logs(t), "ready", "got SIGTERM, closing", "closed")
	})
	t.Run("remapped", func(t *testing.T) {
		c := e.Detach(t, "--env", "GOINIT_REMAP_EXIT=143", debianImage, "sleep", "1000")
		if _, status := c.Stop(t); status != 0 {
			t.Errorf("status %d, wanted 0 for 143", status)
		}
	})
}

// Every signal that docker kill sends reaches the program, once, and as what it is.
func TestDockerKill(t *testing.T) {
	e := docker(t)
	t.Run("node", func(t *testing.T) {
		c := e.Detach(t, nodeImage)
		c.Expect(t, "ready as pid ")
		names := []string{"HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "CONT", "WINCH", "PIPE", "IO"}
		for _, name := range names {
			c.Kill(t, name)
			c.Expect(t, "got SIG"+name+"\n")
		}
		c.Kill(t, "TERM")
		if status := c.Wait(t); status != 0 {
			t.Errorf("status %d after TERM", status)
		}
		for _, name := range append(names, "TERM") {
			once(t, c.Logs(t), "got SIG"+name)
		}
	})
	t.Run("shell", func(t *testing.T) { // Node cannot catch real-time signals
		c := e.Detach(t, debianImage)
		c.Expect(t, "ready\n")
		names := []string{"HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "CONT", "WINCH", "URG", "VTALRM", "RTMIN", "RTMIN+3", "RTMAX-1", "RTMAX"}
		for _, name := range names {
			c.Kill(t, name)
			c.Expect(t, "got "+name+"\n")
		}
		c.Kill(t, "TERM")
		if status := c.Wait(t); status != 3 {
			t.Errorf("status %d after TERM, wanted the trap's 3", status)
		}
		logs := c.Logs(t)
		t.Log("the container wrote:\n" + logs)
		for _, name := range append(names, "TERM") {
			once(t, logs, "got "+name+"\n")
		}
	})
	t.Run("STOP and CONT of the program", func(t *testing.T) {
		c := e.Detach(t, "--no-healthcheck", nodeImage)
		c.Expect(t, "ready as pid ")
		e.Must(t, "exec", c.ID, "sh", "-c", "kill -STOP $(cat /proc/1/task/1/children)")
		waitProcess(t, c, "node", "stopped", func(p bed.Process) bool { return p.State[0] == 'T' })
		c.Kill(t, "TERM") // stays pending until the program is continued
		c.Kill(t, "CONT")
		if status := c.Wait(t); status != 0 {
			t.Errorf("status %d", status)
		}
		once(t, c.Logs(t), "got SIGTERM")
	})
}

func once(t *testing.T, logs, line string) {
	t.Helper()
	if n := strings.Count(logs, line); n != 1 {
		t.Errorf("%q %d times, wanted once, in\n%s", line, n, logs)
	}
}

// waitProcess waits for a process of that name in that state.
func waitProcess(t *testing.T, c *bed.Container, name, what string, is func(bed.Process) bool) (found bed.Process) {
	t.Helper()
	bed.Wait(t, "a process "+name+", "+what, func() (bool, string) {
		seen := ""
		for _, p := range c.Processes(t) {
			if p.Name == name && is(p) {
				found = p
				return true, ""
			}
			seen += p.Name + " " + p.State + ", "
		}
		return false, seen
	})
	return found
}

// whatever is every process.
func whatever(bed.Process) bool { return true }

// Another init above: goinit is not PID 1, and does the same for its own tree.
func TestDockerInit(t *testing.T) {
	e := docker(t)
	if r := e.Run(t, "run", "--rm", "--init", "--network", "none", debianImage, "sh", "-c", "cat /proc/1/comm; exit 42"); r.Status != 42 || r.Stdout != "docker-init\n" || r.Stderr != "" {
		t.Errorf("status %d, wanted 42 below docker-init; stdout %q, stderr %q", r.Status, r.Stdout, r.Stderr)
	}
	c := e.Detach(t, "--init", debianImage, "bash", "-c", "(sleep 2222 &); exec sleep 1111")
	orphanIsAdopted(t, e, c)
	if r, status := c.Stop(t); status != 128+15 || r.Took > soon {
		t.Errorf("status %d after %v", status, r.Took)
	}
}

// orphanIsAdopted waits for the two sleeps of the container, ends the orphan, and checks that goinit adopted and reaped it.
func orphanIsAdopted(t *testing.T, e *bed.Engine, c *bed.Container) {
	t.Helper()
	goinit := waitProcess(t, c, "goinit", "there", whatever)
	bed.Wait(t, "an orphan of which goinit is the parent", func() (bool, string) {
		adopted, seen := 0, ""
		for _, p := range c.Processes(t) {
			seen += p.Name + " child of " + strconv.Itoa(p.Parent) + ", "
			if p.Name == "sleep" && p.Parent == goinit.PID {
				adopted++
			}
		}
		return adopted == 2, seen
	})
	e.Must(t, "exec", c.ID, "bash", "-c", `for p in /proc/[0-9]*; do case "$(tr '\0' ' ' <$p/cmdline)" in "sleep 2222 ") kill -KILL ${p#/proc/};; esac; done`)
	bed.Wait(t, "the end of the orphan", func() (bool, string) {
		n, seen := 0, ""
		for _, p := range c.Processes(t) {
			if seen += p.Name + " " + p.State + ", "; p.Name == "sleep" {
				n++
			}
		}
		return n == 1, seen
	})
	noZombie(t, c)
}

// goinit as the engine's own docker-init: what docker run --init puts in front, and docker info knows.
func TestDockerInitIsGoinit(t *testing.T) {
	bed.Need(t, "docker", "docker")
	path := filepath.Join(t.TempDir(), "docker-init")
	if err := copyFile(built.goinit, path); err != nil {
		t.Fatal(err)
	}
	e := bed.StartEngine(t, "--init-path", path)
	baseImages(t, e, "busybox:1.35")
	if got := e.Must(t, "info", "--format", "{{.InitBinary}} {{.InitCommit.ID}}"); got != path+" "+commit {
		t.Errorf("docker info says %q", got)
	}
	if info := e.Must(t, "info"); !strings.Contains(info, "init version: "+commit) {
		t.Error("docker info does not know the version of the init")
	}
	if version := e.Must(t, "version"); !strings.Contains(version, commit) || !strings.Contains(version, "-goinit") {
		t.Error("docker version does not know the version of docker-init")
	}
	for _, c := range []struct {
		script string
		status int
	}{{"exit 42", 42}, {"kill -KILL $$", 137}, {"cat /proc/1/comm", 0}} {
		r := e.Run(t, "run", "--rm", "--init", "--network", "none", "busybox:1.35", "sh", "-c", c.script)
		if r.Status != c.status {
			t.Errorf("%q: status %d, wanted %d", c.script, r.Status, c.status)
		}
		if c.status == 0 && r.Stdout != "docker-init\n" {
			t.Errorf("PID 1 is %q", r.Stdout)
		}
	}
	if r := e.Run(t, "run", "--rm", "--init", "--network", "none", "busybox:1.35", "no-such-command"); r.Status != 127 {
		t.Errorf("status %d for a command that is not there, wanted 127", r.Status)
	}
	c := e.Detach(t, "--init", "busybox:1.35", "sh", "-c", "(sh -c 'sleep 0.1; exit 7' &); exec sleep 1000")
	e.Must(t, "exec", c.ID, "sh", "-c", "(sleep 0.1 &)")
	noOrphanLeft(t, c)
	if r, status := c.Stop(t); status != 128+15 || r.Took > soon {
		t.Errorf("status %d after %v", status, r.Took)
	}
}

// noOrphanLeft waits until only the init and the program are there.
func noOrphanLeft(t *testing.T, c *bed.Container) {
	t.Helper()
	bed.Wait(t, "the end of the orphans", func() (bool, string) {
		seen := ""
		all := c.Processes(t)
		for _, p := range all {
			seen += p.Name + " " + p.State + ", "
		}
		return len(all) == 2, seen
	})
	noZombie(t, c)
}

// A container in the PID namespace of another: its goinit has neither PID 1 nor a parent that it can see.
func TestDockerPIDOfContainer(t *testing.T) {
	e := docker(t)
	server := e.Detach(t, nodeImage)
	server.Expect(t, "ready as pid ")
	if r := e.Run(t, "run", "--rm", "--network", "none", "--pid", "container:"+server.ID, debianImage, "sh", "-c", "cat /proc/1/comm; exit 42"); r.Status != 42 || r.Stdout != "goinit\n" || r.Stderr != "" {
		t.Errorf("status %d, stdout %q, stderr %q", r.Status, r.Stdout, r.Stderr)
	}
	guest := e.Detach(t, "--pid", "container:"+server.ID, debianImage, "bash", "-c", "(sleep 2222 &); exec sleep 1111")
	orphanIsAdopted(t, e, guest)
	if r, status := guest.Stop(t); status != 128+15 || r.Took > soon {
		t.Errorf("status %d after %v", status, r.Took)
	}
	// The host's goinit and its server have seen nothing of that.
	server.Kill(t, "USR2")
	server.Expect(t, "got SIGUSR2")
	if _, status := server.Stop(t); status != 0 {
		t.Errorf("status of the first container: %d", status)
	}
	once(t, server.Logs(t), "got SIGTERM")
}

// What hardened containers have: no writable file system, no root, no capability.
func TestDockerHardened(t *testing.T) {
	e := docker(t)
	for name, flags := range map[string][]string{
		"read-only": {"--read-only"},
		"user":      {"--user", "12345"},
		"all":       {"--read-only", "--user", "12345:12345", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"},
	} {
		t.Run(name, func(t *testing.T) {
			c := e.Detach(t, append(flags, "--no-healthcheck", nodeImage)...)
			c.Expect(t, "ready as pid ")
			if name != "read-only" {
				if uid := e.Must(t, "exec", c.ID, "stat", "-c", "%u", "/proc/1"); uid != "12345" {
					t.Errorf("goinit has uid %s", uid)
				}
			}
			if name != "user" {
				if r := e.Run(t, "exec", c.ID, "touch", "/x"); r.Status == 0 {
					t.Error("the file system is writable: this tests nothing")
				}
			}
			e.Must(t, "exec", c.ID, "sh", "-c", "(sleep 0.1 &)")
			noOrphanLeft(t, c)
			c.Kill(t, "USR2")
			c.Expect(t, "got SIGUSR2")
			if r, status := c.Stop(t); status != 0 || r.Took > soon {
				t.Errorf("status %d after %v", status, r.Took)
			}
			if logs := c.Logs(t); strings.Contains(logs, "goinit:") {
				t.Errorf("goinit had something to say:\n%s", logs)
			}
		})
	}
}

// A limit on processes counts goinit's threads too: few enough that sixteen are plenty.
func TestDockerPidsLimit(t *testing.T) {
	e := docker(t)
	limited := []string{"run", "--rm", "--network", "none", "--pids-limit", "16", debianImage}
	if limit := e.Must(t, append(limited, "sh", "-c", "cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max")...); limit != "16" {
		t.Fatalf("the limit is %q: this tests nothing", limit)
	}
	if r := e.Run(t, append(limited, "sh", "-c", "exit 42")...); r.Status != 42 || r.Stderr != "" {
		t.Errorf("status %d, stderr %q", r.Status, r.Stderr)
	}
	// All that the limit allows, and more: the shell gives up, and goinit ends what it started.
	r := e.Run(t, append(limited, "sh", "-c", "while :; do sleep 1111 & done")...)
	if r.Status != 2 || !strings.Contains(r.Stderr, "Cannot fork") || strings.Contains(r.Stderr, "goinit:") || r.Took > soon {
		t.Errorf("status %d after %v, stderr %q, wanted dash's 2", r.Status, r.Took, r.Stderr)
	}
	// Node has eleven threads.
	c := e.Detach(t, "--pids-limit", "16", "--no-healthcheck", nodeImage)
	c.Expect(t, "ready as pid ")
	if r, status := c.Stop(t); status != 0 || r.Took > soon {
		t.Errorf("status %d after %v", status, r.Took)
	}
}

// A health check runs beside PID 1's tree, but what it leaves behind becomes PID 1's.
func TestDockerHealthcheck(t *testing.T) {
	e := docker(t)
	c := e.Detach(t, "--env", "GOINIT_WARN_REAPED=1", nodeImage)
	bed.Wait(t, "three orphans of the health check, reaped", func() (bool, string) {
		logs := c.Logs(t)
		return strings.Count(logs, "reaped orphan ") >= 3 && strings.Count(logs, "exit status 7") >= 3, logs
	})
	if health := c.Inspect(t, "{{.State.Health.Status}} {{.State.Health.FailingStreak}}"); health != "healthy 0" {
		t.Errorf("health: %s", health)
	}
	noZombie(t, c)
	t.Log("the container wrote:\n" + c.Logs(t))

	// The same without goinit: the test can tell.
	bare := e.Detach(t, "--entrypoint", "node", nodeImage, "server.js")
	bed.Wait(t, "three zombies", func() (bool, string) {
		zombies := bare.Zombies(t)
		return len(zombies) >= 3, strings.Join(zombies, ", ")
	})
}

// noZombie waits for a moment without a zombie: one that is there now may be about to be reaped. Checks go on meanwhile.
func noZombie(t *testing.T, c *bed.Container) {
	t.Helper()
	bed.Wait(t, "a moment without a zombie", func() (bool, string) {
		zombies := c.Zombies(t)
		return len(zombies) == 0, strings.Join(zombies, ", ")
	})
}

// A terminal: the program has it, with job control, and Ctrl-C comes once.
func TestDockerTerminal(t *testing.T) {
	e := docker(t)
	t.Run("bash", func(t *testing.T) {
		name := "goinit-test-bash-" + strconv.Itoa(os.Getpid())
		c := e.Named(t, name)
		cmd := e.Command(t, "run", "-it", "--rm", "--network", "none", "--name", name, debianImage, "bash", "--norc", "--noprofile")
		term := bed.NewTerminal(t, cmd)
		term.Type(t, "echo jobs are o''n $-\r")
		if said := term.Output.Expect(t, "jobs are on "); strings.Contains(said, "no job control") {
			t.Errorf("bash says:\n%s", said)
		}
		term.Type(t, `until [ "$(stty size)" = "33 111" ]; do :; done; echo siz''ed`+"\r")
		resize(t, term, 33, 111, "sized")
		foreground := func(p bed.Process) bool { return strings.Contains(p.State, "+") }
		term.Type(t, "sleep 1111\r")
		waitProcess(t, c, "sleep", "in the foreground", foreground)
		term.Type(t, "\x1a")
		term.Output.Expect(t, "Stopped")
		waitProcess(t, c, "sleep", "stopped", func(p bed.Process) bool { return p.State[0] == 'T' })
		term.Type(t, "fg\r")
		waitProcess(t, c, "sleep", "in the foreground again", func(p bed.Process) bool { return foreground(p) && p.State[0] != 'T' })
		term.Type(t, "\x03")
		term.Type(t, "echo status o''f sleep: $?\r")
		term.Output.Expect(t, "status of sleep: 130")
		term.Type(t, "exit 5\r")
		if status := term.Wait(); status != 5 {
			t.Errorf("status %d, wanted bash's 5", status)
		}
		t.Log("the terminal showed:\n" + term.Output.String())
	})
	t.Run("ctrl-c", func(t *testing.T) {
		name := "goinit-test-node-" + strconv.Itoa(os.Getpid())
		c := e.Named(t, name)
		term := bed.NewTerminal(t, e.Command(t, "run", "-it", "--network", "none", "--name", name, nodeImage))
		term.Output.Expect(t, "ready as pid ")
		term.Type(t, "\x03")
		term.Output.Expect(t, "got SIGINT")
		resize(t, term, 44, 122, "got SIGWINCH")
		c.Kill(t, "USR2") // sent later: had there been a second SIGINT, it had come before
		term.Output.Expect(t, "got SIGUSR2")
		once(t, term.Output.String(), "got SIGINT")
		if r, status := c.Stop(t); status != 0 || r.Took > soon {
			t.Errorf("status %d after %v", status, r.Took)
		}
		if status := term.Wait(); status != 0 {
			t.Errorf("status of docker run: %d", status)
		}
		t.Log("the terminal showed:\n" + term.Output.String())
	})
	t.Run("ctrl-c default", func(t *testing.T) {
		name := "goinit-test-sleep-" + strconv.Itoa(os.Getpid())
		c := e.Named(t, name)
		term := bed.NewTerminal(t, e.Command(t, "run", "-it", "--rm", "--network", "none", "--name", name, debianImage, "sleep", "1111"))
		waitProcess(t, c, "sleep", "in the foreground", func(p bed.Process) bool { return strings.Contains(p.State, "+") })
		term.Type(t, "\x03")
		if status := term.Wait(); status != 130 {
			t.Errorf("status %d, wanted 130", status)
		}
	})
}

// resize makes the window another size until the container shows that it knows. The client tells the engine, the engine
// the container's terminal; but a change that comes while the client is still setting itself up is lost on it.
func resize(t *testing.T, term *bed.Terminal, rows, columns uint16, shows string) {
	t.Helper()
	bed.Wait(t, "the new size in the container", func() (bool, string) {
		term.Resize(t, rows, columns-1)
		term.Resize(t, rows, columns)
		said := term.Output.String()
		return strings.Contains(said, shows), said
	})
}
