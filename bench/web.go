package main

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

//go:embed programs/server.js
var serverJS []byte

//go:embed programs/primary.js
var primaryJS []byte

// keeper is somebody who keeps a server of several workers running, all on one port.
type keeper struct {
	name   string
	argv   func(k *keeper, w *web) ([]string, error) // writes what it has to be given, too
	verb   func(k *keeper, w *web, words ...string) error
	path   string // of its program
	teller string // of the program that tells it
	app    string // goinit: the rest of the app, in YAML; else what the keeper makes of it
	talks  bool   // it is told by lines on its standard input
	blind  bool   // its server does not say when it listens
	closes bool   // its server closes each connection
	plain  bool   // it is to listen for connections that bring nothing, too
}

// web is a server that a keeper keeps running, in a directory and a PID namespace of its own; see inside.
type web struct {
	*keeper
	dir     string
	port    int
	plain   int // port; 0: none
	workers int
	cmd     *exec.Cmd
	tell    io.WriteCloser // the keeper's standard input
	told    *bufio.Scanner // and output
}

// openWeb starts a server, and waits until all workers listen.
func openWeb(k *keeper, workers int) (w *web, err error) {
	w = &web{keeper: k, workers: workers}
	if w.dir, err = os.MkdirTemp("", "bench-web-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w%s", k.name, err, w.lastWords())
			w.close()
		}
	}()
	if w.port, err = freePort(); err != nil {
		return nil, err
	}
	if k.plain {
		if w.plain, err = freePort(); err != nil {
			return nil, err
		}
	}
	for name, text := range map[string][]byte{"server.js": serverJS, "primary.js": primaryJS, "listening": nil} {
		if err := os.WriteFile(filepath.Join(w.dir, name), text, 0o644); err != nil {
			return nil, err
		}
	}
	argv, err := k.argv(k, w)
	if err != nil {
		return nil, err
	}
	if err := w.start(argv); err != nil {
		return nil, err
	}
	return w, w.await(workers)
}

func (w *web) start(argv []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	said, err := os.Create(filepath.Join(w.dir, "stderr"))
	if err != nil {
		return err
	}
	defer said.Close()
	w.cmd = &exec.Cmd{Path: self, Args: append([]string{self, insideWord}, argv...), Dir: w.dir, Env: w.environment(), Stderr: said, ExtraFiles: []*os.File{said}}
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	w.cmd.Stdout = said
	if w.talks {
		w.cmd.Stdout = nil
		if w.tell, err = w.cmd.StdinPipe(); err != nil {
			return err
		}
		out, err := w.cmd.StdoutPipe()
		if err != nil {
			return err
		}
		w.told = bufio.NewScanner(out)
	}
	return w.cmd.Start()
}

func (w *web) environment() []string {
	all := append(environment[:len(environment):len(environment)], "HOME="+w.dir, "PM2_HOME="+w.dir+"/pm2", "GOINIT_SOCKET_DIRECTORY="+w.dir,
		"GOINIT_LOG_DIRECTORY="+w.dir+"/logs", "GOINIT_CGROUP=off", "BENCH_PORT="+strconv.Itoa(w.port), "BENCH_LISTENING="+w.dir+"/listening")
	if w.plain > 0 {
		all = append(all, "BENCH_PLAIN="+strconv.Itoa(w.plain))
	}
	return all
}

// listened counts the processes that have come to listen so far.
func (w *web) listened() int {
	text, _ := os.ReadFile(filepath.Join(w.dir, "listening"))
	return strings.Count(string(text), "\n")
}

// await waits until so many have listened.
func (w *web) await(n int) error {
	if w.blind {
		_, err := w.ask(patience) // who comes before they listen waits
		return err
	}
	for end := time.Now().Add(patience); w.listened() < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("%d of %d workers listen", w.listened(), n)
		}
	}
	return nil
}

// primary is the keeper's own process.
func (w *web) primary() int {
	for _, child := range strings.Fields(strings.Join(taskFiles(w.cmd.Process.Pid, "children"), " ")) {
		pid, _ := strconv.Atoi(child)
		return pid
	}
	return 0
}

// servers are the processes of the workers.
func (w *web) servers() (pids []int) {
	for _, child := range strings.Fields(strings.Join(taskFiles(w.primary(), "children"), " ")) {
		if pid, err := strconv.Atoi(child); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (w *web) reload() error { return w.verb(w.keeper, w, "reload") }

func (w *web) scale(n int) error { return w.verb(w.keeper, w, "scale", strconv.Itoa(n)) }

// kill kills a worker and waits until there is another in its place.
func (w *web) kill(i int) error {
	all := w.servers()
	if len(all) == 0 {
		return errors.New("it has no workers")
	}
	before := w.listened()
	if err := syscall.Kill(all[i%len(all)], syscall.SIGKILL); err != nil {
		return err
	}
	return w.await(before + 1)
}

// ask is one request on a connection of its own: who has answered.
func (w *web) ask(within time.Duration) (string, error) {
	var c net.Conn
	var err error
	for end := time.Now().Add(within); ; time.Sleep(time.Millisecond) { // nobody may listen yet
		if c, err = net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", w.port), within); err == nil {
			break
		}
		if time.Now().After(end) {
			return "", err
		}
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(within))
	if _, err := io.WriteString(c, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(c)
	if _, body, ok := strings.Cut(string(answer), "\r\n\r\n"); ok {
		return strings.TrimSpace(body), nil
	}
	return "", fmt.Errorf("no answer: %w", err)
}

func (w *web) lastWords() string {
	text, _ := os.ReadFile(filepath.Join(w.dir, "stderr"))
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "\n  " + strings.Join(lines[max(0, len(lines)-3):], "\n  ")
}

// close kills what there is; the kernel ends all of a PID namespace with its PID 1.
func (w *web) close() {
	if w.cmd != nil && w.cmd.Process != nil {
		_ = w.cmd.Process.Kill()
		_ = w.cmd.Wait()
	}
	_ = os.RemoveAll(w.dir)
}

// client runs a program that tells the keeper something.
func (w *web) client(argv ...string) error {
	cmd := &exec.Cmd{Path: argv[0], Args: argv, Dir: w.dir, Env: w.environment()}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, out)
	}
	return nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// quoted is a list of words in YAML.
func quoted(words ...string) string {
	text, _ := json.Marshal(words)
	return string(text)
}
