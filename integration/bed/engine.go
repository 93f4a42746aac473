package bed

import (
	"bytes"
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Engine is a Docker engine and the client that talks to it.
type Engine struct {
	env  []string // of the client
	stop func()

	mu      sync.Mutex
	foreign bool     // not started by us: what we put into it has to go
	ours    []string // the images that we made and it did not have
}

//go:embed keep.sh
var keepScript string // goes ahead of those that keep something

//go:embed engine.sh
var engineScript string

var shared struct {
	sync.Mutex
	engine *Engine
}

// Docker returns the engine that the tests of this process share: the one that answers here, else one of their own. It is
// ended by Close.
func Docker(t testing.TB) *Engine {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.engine == nil {
		Need(t, "docker", "docker")
		if exec.Command("docker", "version").Run() == nil {
			shared.engine = &Engine{foreign: true, env: os.Environ(), stop: func() {}}
		} else {
			shared.engine = start(t)
		}
	}
	return shared.engine
}

// Close ends the shared engine. TestMain calls it when the tests are through; a process that dies before needs no Close.
func Close() {
	shared.Lock()
	defer shared.Unlock()
	if shared.engine != nil {
		shared.engine.close()
		shared.engine = nil
	}
}

// StartEngine returns an engine of the test's own, with arguments for dockerd. It is ended with the test.
func StartEngine(t testing.TB, args ...string) *Engine {
	t.Helper()
	e := start(t, args...)
	t.Cleanup(e.close)
	return e
}

// start runs engine.sh and waits until the engine answers. Everything that the engine has is in one directory and in one
// control group of each hierarchy, whose name nobody else uses.
func start(t testing.TB, args ...string) *Engine {
	t.Helper()
	Need(t, "docker", "docker", "dockerd", "containerd", "runc", "unshare")
	dir, err := os.MkdirTemp("", "goinit-docker-")
	if err != nil {
		t.Fatal(err)
	}
	socket := "unix://" + filepath.Join(dir, "docker.sock")
	group := "goinit-bed-" + strings.TrimPrefix(filepath.Base(dir), "goinit-docker-")
	keeper := exec.Command("sh", append([]string{"-c", keepScript + engineScript, "engine.sh", dir, group,
		"--host", socket, "--cgroup-parent", "/" + group,
		"--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"), "--pidfile", filepath.Join(dir, "docker.pid"),
		"--storage-driver", "overlay2", "--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"}, args...)...)
	keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a Ctrl-C ends the test, and thereby the engine
	hold, err := keeper.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := keeper.Start(); err != nil {
		t.Fatal(err)
	}
	e := &Engine{stop: func() { hold.Close(); keeper.Wait() }}
	// The client gets no configuration of this machine's user: no context, no credentials.
	e.env = append(os.Environ(), "DOCKER_BUILDKIT=0", "DOCKER_HOST="+socket, "DOCKER_CONFIG="+filepath.Join(dir, "client"), "DOCKER_CONTEXT=")
	defer func() {
		if t.Failed() || t.Skipped() {
			e.stop()
		}
	}()
	began := time.Now()
	for ; e.command("version").Run() != nil; pause(began) {
		log, _ := os.ReadFile(filepath.Join(dir, "dockerd.log"))
		switch {
		case bytes.Contains(log, []byte("failed to start daemon")):
			Without(t, "docker", "dockerd does not start here:\n"+string(log))
		case time.Since(began) > Deadline:
			t.Fatalf("dockerd does not answer after %v:\n%s", Deadline, log)
		}
	}
	return e
}

func (e *Engine) close() {
	if e.foreign {
		for _, image := range e.ours {
			e.command("rmi", image).Run()
		}
	}
	e.stop()
}

// Env is the environment with which a client reaches the engine.
func (e *Engine) Env() []string { return e.env }

func (e *Engine) command(args ...string) *exec.Cmd {
	cmd := exec.Command("docker", args...)
	cmd.Env = e.env
	return cmd
}

// Command is a client that the test runs itself, on a terminal for one.
func (e *Engine) Command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	t.Log("$ " + commandLine(args))
	return e.command(args...)
}

// Result is how a client ended.
type Result struct {
	Stdout, Stderr string
	Status         int
	Took           time.Duration
}

// Run runs the client and logs it as a person would see it.
func (e *Engine) Run(t testing.TB, args ...string) Result {
	t.Helper()
	r := e.Quiet(t, args...)
	t.Logf("$ %s\n%s[status %d, %d ms]", commandLine(args), indent(r.Stdout+r.Stderr), r.Status, r.Took.Milliseconds())
	return r
}

// Must is Run for what has to succeed; it returns the output without the last newline.
func (e *Engine) Must(t testing.TB, args ...string) string {
	t.Helper()
	r := e.Run(t, args...)
	if r.Status != 0 {
		t.Fatalf("docker %s: status %d: %s", args[0], r.Status, r.Stderr)
	}
	return strings.TrimSuffix(r.Stdout, "\n")
}

// Quiet is Run without the log, for what is asked again and again.
func (e *Engine) Quiet(t testing.TB, args ...string) Result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := e.command(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return Result{stdout.String(), stderr.String(), status(cmd.ProcessState), time.Since(began)}
}

// Adopt notes that the test is about to make an image, so that an engine that is not ours does not keep it.
func (e *Engine) Adopt(t testing.TB, image string) {
	t.Helper()
	had := e.Quiet(t, "image", "inspect", image).Status == 0
	e.mu.Lock()
	defer e.mu.Unlock()
	if !had {
		e.ours = append([]string{image}, e.ours...) // the last made is removed first
	}
}

func commandLine(args []string) string {
	words := []string{"docker"}
	for _, word := range args {
		if word == "" || strings.ContainsAny(word, " \t\n'\"\\$&;|<>(){}[]*?!#") {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func indent(text string) string {
	if text == "" {
		return ""
	}
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}
