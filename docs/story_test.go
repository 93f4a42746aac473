package docs_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// story is a page that is played from its first goinit to its last: its directory is the page's, and so is its goinit's.
type story struct {
	dir    string
	env    []string
	goinit *exec.Cmd
	said   bytes.Buffer
}

func (p page) play(t *testing.T, bin string) {
	s := &story{dir: filepath.Join(t.TempDir(), "shop"), env: append(environment(bin), socketDirectory(t), "GOINIT_LOG_DIRECTORY=memory")}
	if err := os.Mkdir(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	defer s.end(t)
	for _, b := range p {
		switch {
		case b.file != "":
			write(t, s.dir, b.file, b.text)
			continue
		case b.fence == runFence:
			s.end(t)
			s.begin(t, bin)
		case b.fence != ctlFence:
			continue
		}
		for _, e := range b.examples {
			s.ask(t, e)
		}
	}
}

// begin starts a goinit, and returns when all of its apps have come up.
func (s *story) begin(t *testing.T, bin string) {
	s.said.Reset()
	s.goinit = exec.Command(filepath.Join(bin, "goinit"), "run")
	s.goinit.Dir, s.goinit.Env, s.goinit.Stdout, s.goinit.Stderr = s.dir, s.env, &s.said, &s.said
	s.goinit.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // without a terminal, as in a container
	s.goinit.WaitDelay = time.Second
	if err := s.goinit.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		info := exec.CommandContext(ctx, filepath.Join(bin, "goinit"), "ctl", "info", "-o", "json")
		info.Dir, info.Env = s.dir, s.env
		if out, err := info.Output(); err == nil && bytes.Contains(out, []byte(`"state": "running"`)) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.end(t)
			t.Fatalf("goinit did not come up; it said:\n%s", s.said.String())
		}
	}
}

func (s *story) end(t *testing.T) {
	if s.goinit == nil {
		return
	}
	_ = s.goinit.Process.Signal(syscall.SIGTERM) // it may have ended by an example
	kill := time.AfterFunc(patience, func() { _ = s.goinit.Process.Kill() })
	defer kill.Stop()
	if err := s.goinit.Wait(); errors.Is(err, exec.ErrWaitDelay) {
		t.Errorf("something of goinit's is left: %v", err)
	}
	s.goinit = nil
}

// ask gives a command. What only looks is asked again until it sees what is said here: a death needs its moment.
func (s *story) ask(t *testing.T, e example) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	looks := strings.HasPrefix(e.command, "goinit ctl ps") || strings.HasPrefix(e.command, "goinit ctl logs")
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	got := ""
	for {
		cmd := exec.CommandContext(ctx, "sh", "-c", e.command)
		cmd.Dir, cmd.Env, cmd.WaitDelay = s.dir, s.env, time.Second
		out, _ := cmd.CombinedOutput()
		if ctx.Err() == nil && e.answeredBy(string(out)) {
			return
		}
		if ctx.Err() == nil {
			got = string(out)
		}
		if looks && ctx.Err() == nil {
			select {
			case <-tick.C:
				continue
			case <-ctx.Done():
			}
		}
		t.Fatalf("line %d: $ %s\ngot:\n%s\nwant:\n%s", e.line, e.command, got, strings.Join(e.want, "\n"))
	}
}

// answeredBy compares line by line.
func (e example) answeredBy(out string) bool {
	if out == "" {
		return len(e.want) == 0
	}
	return slices.EqualFunc(strings.Split(strings.TrimSuffix(out, "\n"), "\n"), e.want, like)
}

// What differs from run to run. A status is no pid: see like.
var differs = []*regexp.Regexp{
	regexp.MustCompile(`^[0-9]{2,}$`),                        // a pid
	regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(ms|s|m)$`),        // a time ago
	regexp.MustCompile(`^[0-9-]{10}T[0-9:]{8}(\.[0-9]+)?Z$`), // an instant
}

// like reports whether two lines are the same but for pids and times. Columns are as wide as these are.
func like(got, want string) bool {
	g, w := strings.Fields(got), strings.Fields(want)
	if len(g) != len(w) {
		return false
	}
	for i := range g {
		x, y := strings.TrimRight(g[i], ",;"), strings.TrimRight(w[i], ",;")
		if g[i] == w[i] {
			continue
		}
		if i > 0 && (w[i-1] == "status" || w[i-1] == "exited") {
			return false
		}
		if !slices.ContainsFunc(differs, func(r *regexp.Regexp) bool { return r.MatchString(x) && r.MatchString(y) }) {
			return false
		}
	}
	return true
}

func TestLike(t *testing.T) {
	for _, c := range []struct {
		got, want string
		like      bool
	}{
		{"web/0  running  yes  1017  0  2s", "web/0  running  yes  17   0  800ms", true},
		{"web/0  running  yes  1017  1  2s", "web/0  running  yes  17   0  800ms", false},
		{"web/0  stopped  no  -  0  2s", "web/0  running  yes  17   0  800ms", false},
		{"a/0 exited with status 10", "a/0 exited with status 11", false},
		{"a/0  backoff  exited 10, 2s ago", "a/0  backoff  exited 11, 3s ago", false},
		{"a/0  backoff  exited 10, 2s ago", "a/0  backoff  exited 10, 30ms ago", true},
		{"one", "one more", false},
	} {
		if like(c.got, c.want) != c.like {
			t.Errorf("like(%q, %q) is %v", c.got, c.want, !c.like)
		}
	}
}
