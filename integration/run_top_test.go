package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"goinit/integration/bed"
)

// topOf starts goinit ctl top over a goinit, in a window.
func topOf(t *testing.T, c client, columns, rows int, args ...string) *bed.Tmux {
	t.Helper()
	bed.Need(t, "namespace", "tmux")
	return bed.NewTmux(t, columns, rows, filepath.Join(built.dir, "goinitctl"), append(append([]string{}, c...), append([]string{"top", "--interval", "1s"}, args...)...)...)
}

// document puts the screen into the documentation, with -update, when there is something in the graphs.
func document(t *testing.T, name string, w *bed.Tmux) {
	t.Helper()
	if !*rewrite {
		return
	}
	screen := w.ExpectThat(t, "a while", regexp.MustCompile(`up (1[2-9]|[2-9][0-9])s `).MatchString)
	const page = "../docs/top.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)(<!-- screen: " + name + " -->\n```text\n).*?(```\n)")
	if !block.Match(text) {
		t.Fatalf("%s has no screen %s", page, name)
	}
	text = block.ReplaceAll(text, []byte("${1}"+strings.ReplaceAll(strings.TrimRight(screen, "\n"), "$", "$$$$")+"\n${2}"))
	if err := os.WriteFile(page, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// One worker: its log and its events, orders that are asked about, a window of any size, and the terminal as it was before.
func TestTopOne(t *testing.T) {
	m := runSpec(t, `name: shop
apps:
  web: {shell: "echo listening on :8080; exec sleep 100000"}
`)
	w := topOf(t, m.client, 80, 24)
	w.Expect(t, "running, up", "1 worker: 1 running", "web/0  ", "log of web/0", "listening on :8080", "%")
	document(t, "one", w)

	w.Type(t, "?")
	w.Expect(t, "goinit ctl top: keys", "Esc: back")
	w.Type(t, "Escape")
	w.Expect(t, "1 worker: 1 running")

	w.Type(t, "R")
	w.Expect(t, "stop web/0 (pid ", "and start again; not served meanwhile? y/n")
	w.Type(t, "n")
	w.Expect(t, "not done: restart web/0")
	before := pids(m.ps(t))["web/0"]
	w.Type(t, "R")
	w.Expect(t, "? y/n")
	w.Type(t, "y")
	w.Expect(t, "restart web/0: web/0 restarted (pid ")
	if now := pids(m.ps(t))["web/0"]; now == before {
		t.Error("it was not restarted")
	}
	w.Type(t, "e")
	w.Expect(t, " events\n", "worker.exited", "worker.ready")

	w.Type(t, "n")
	w.Expect(t, "how many workers of web? 1")
	w.Type(t, "BSpace", "3", "Enter")
	w.Expect(t, "change web from 1 worker to 3? y/n")
	w.Type(t, "y")
	w.Expect(t, "3 workers: 3 running", "- web", "3/3", "web/2")
	w.Type(t, "x")
	w.Expect(t, "which signal to web/0?")
	w.Type(t, "NONSENSE", "Enter")
	w.Expect(t, `there is no signal "NONSENSE"`)
	w.Type(t, "C-u", "usr1", "Enter")
	w.Expect(t, "send USR1 to the main process of web/0 (pid ")
	w.Type(t, "Escape")
	w.Expect(t, "not done: signal USR1 web/0")

	// A failure is told whole.
	m.must(t, "stop", "web/2")
	w.Type(t, "G")
	w.Expect(t, "log of web/2", "web/2   stopped")
	w.Type(t, "p")
	w.Expect(t, "suspend every process of web/2")
	w.Type(t, "y")
	w.Expect(t, "pause web/2 failed", "web/2", "Esc: back")
	w.Type(t, "Escape")

	for _, size := range [][2]int{{140, 40}, {40, 10}, {10, 3}, {2, 1}, {200, 60}} {
		w.Resize(t, size[0], size[1])
		if size[0] >= 40 {
			w.Expect(t, "WORKER", "web/1")
		}
	}
	for range 60 {
		w.Resize(t, 1+rand.IntN(150), 1+rand.IntN(50))
	}
	w.Resize(t, 80, 24)
	w.Expect(t, "WORKER", "web/2", "q: leave")
	w.Type(t, "q")
	screen := w.Expect(t, "[ended with 0]")
	if strings.Contains(screen, "WORKER") {
		t.Errorf("the screen is not as it was:\n%s", screen)
	}
}

// shop has twenty workers, some with something to say.
const shop = `name: shop
apps:
  web: {shell: "i=0; while i=$$((i+1)); do echo GET /items/$$((i*7)) 200; sleep 1; done", workers: 8}
  api: {shell: "echo ready; exec sleep 100000", workers: 6}
  mail: {command: sleep 100000, workers: 4}
  db: {shell: "x=; while [ $${#x} -lt 3000000 ]; do x=$$x$$(printf %100000d 0); done; sleep 100000"}
  crash: {shell: "echo cannot bind to :8080 >&2; sleep 1; exit 3", restart: always}
`

// Twenty workers: sorted, filtered, folded.
func TestTopTwenty(t *testing.T) {
	m := runSpec(t, shop)
	w := topOf(t, m.client, 120, 40)
	w.Expect(t, "20 workers:", "- web", "8/8", "6/6", "db/0", "GRAPH")
	w.Type(t, "/", "web", "Enter")
	w.ExpectThat(t, "web alone", func(s string) bool { return strings.Contains(s, "web/7") && !strings.Contains(s, "mail") })
	w.Type(t, "Escape")
	w.Expect(t, "mail/3")
	w.Type(t, "f")
	w.ExpectThat(t, "apps alone", func(s string) bool { return strings.Contains(s, "+ mail") && !strings.Contains(s, "mail/3") })
	w.Type(t, "Right", "e")
	w.Expect(t, "web/7", "log of web\n", " events\n", "GET /items/", "worker.ready")
	for sorted := regexp.MustCompile(`[A-Z]+[v^] `); ; {
		was := sorted.FindString(w.Screen(t))
		if was == "MEMORYv " {
			break
		}
		w.Type(t, ">")
		w.ExpectThat(t, "another column", func(s string) bool { return sorted.FindString(s) != was })
	}
	w.ExpectThat(t, "the largest before the smallest", func(s string) bool {
		return strings.Contains(s, "%") && strings.Index(s, "db/0") < strings.Index(s, "crash/0") && strings.Contains(s, "%")
	})
	document(t, "twenty", w)
	w.Type(t, "z")
	w.ExpectThat(t, "the log alone", func(s string) bool { return !strings.Contains(s, "WORKER") && strings.Contains(s, "log of ") })
	w.Type(t, "z")
	w.Expect(t, "WORKER")
	w.Type(t, "C-c")
	w.Expect(t, "[ended with 0]")
}

// Three hundred workers, folded and unfolded, while the window changes.
func TestTopThreeHundred(t *testing.T) {
	m := runSpec(t, `name: shop
apps:
  web: {command: sleep 100000, workers: 180}
  api: {command: sleep 100000, workers: 80}
  mail: {command: sleep 100000, workers: 40}
`)
	w := topOf(t, m.client, 100, 30)
	w.Expect(t, "300 workers: 300 running", "180/180", "80/80", "40/40", "%")
	document(t, "three-hundred", w)
	w.Type(t, "Enter")
	w.Expect(t, "- web", "web/5")
	w.Resize(t, 80, 24)
	w.Type(t, "G")
	w.Expect(t, "+ mail", "web/179", "log of mail")
	w.Type(t, "f") // not all are folded: all are
	w.ExpectThat(t, "apps alone", func(s string) bool { return !strings.Contains(s, "web/179") && strings.Contains(s, "+ web") })
	w.Type(t, "f", "g", "Home")
	w.Resize(t, 120, 50)
	w.ExpectThat(t, "workers alone", func(s string) bool { return strings.Contains(s, "web/20 ") && !strings.Contains(s, "180/180") })
	m.must(t, "scale", "web", "2")
	w.Expect(t, "122 workers: 122 running")
	w.Type(t, "q")
	w.Expect(t, "[ended with 0]")
}

// What workers write does nothing to the terminal, and goinit may end and come again.
func TestTopHostile(t *testing.T) {
	m := runSpec(t, `apps:
  bad: {shell: "while [ ! -e bad.py ]; do sleep 0.05; done; exec python3 -u bad.py", workers: 2}
`)
	program := `import sys, time
out = sys.stdout.buffer
while True:
    out.write(b"\x1b[2J\x1b[H\x1b]0;title\x07\x1b[?1049l\x9b31m\x0e\x1bc over\rwrite\n")
    out.write("wide \u6f22\u5b57\U0001f642 e\u0301 \u202eback\ttab\n".encode())
    out.write(b"x" * 65536 + b"\n")
    out.write(b"\xff\xfe torn \xe2\x82\n")
    out.write(b"the last of them\n")
    time.sleep(0.2)
`
	if err := os.WriteFile(filepath.Join(m.dir, "bad.py"), []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	w := topOf(t, m.client, 80, 24)
	check := func(screen string) bool {
		lines := strings.Split(screen, "\n")
		return strings.HasPrefix(lines[0], "goinit ") && strings.HasPrefix(lines[2], " WORKER") && strings.Contains(lines[23], "q: leave")
	}
	w.Expect(t, "bad/1", "the last of them", `^[[2J^[[H^[]0;title^G`, `\u202eback`, "xxxxxx~", `torn \xe2\x82`)
	w.ExpectThat(t, "everything in its place", check)
	w.Type(t, "z")
	w.Expect(t, "log of bad", "wide 漢字")
	w.ExpectThat(t, "older lines, once there are more than the window has", func(s string) bool {
		if strings.Contains(s, "lines back") {
			return true
		}
		w.Type(t, "PPage")
		return false
	})
	w.Type(t, "z", "/", "zzz")
	w.Expect(t, "/zzz", `nothing has "zzz" in its name or state`)
	w.Type(t, "Escape")
	w.ExpectThat(t, "everything in its place", check)

	m.Signal(t, syscall.SIGKILL)
	m.Wait()
	w.Expect(t, "does not answer for ", "bad/1")
	again := bed.Namespace(t, built.goinit, "run", "-C", m.dir, "-f", m.spec, "--socket", m.client[1])
	w.ExpectThat(t, "goinit again", func(s string) bool {
		return strings.Contains(s, "2 workers: 2 running") && strings.Contains(s, "the last of them")
	})

	m.must(t, "shutdown")
	again.Wait()
	w.Expect(t, "does not answer for ")
	w.Type(t, "q")
	w.Expect(t, "[ended with 0]")
}

// drawn is in what is written to a terminal when the first screen is. What changes later is written in the fewest bytes, and no text
// need be in one piece.
const drawn = "1002h"

// restored is what gives back the screen that was there before (xterm's ctlseqs, DECSET 1049).
const restored = "\x1b[?1049l"

// Ctrl-Z gives the terminal back to a shell; a hangup ends top, and its terminal is as it was.
func TestTopTerminal(t *testing.T) {
	m := runSpec(t, `apps:
  web: {shell: "echo hello; exec sleep 100000"}
`)
	bed.Need(t, "namespace", "tmux", "bash")
	top := filepath.Join(built.dir, "goinitctl") + " --socket " + m.client[1] + " top"
	w := bed.NewTmux(t, 80, 24, "bash", "--norc", "-i")
	w.Expect(t, "bash-")
	w.Type(t, "echo before; "+top, "Enter")
	w.Expect(t, "log of web/0", "hello")
	w.Type(t, "C-z")
	w.Expect(t, "before", "Stopped")
	w.Type(t, "fg", "Enter")
	w.Expect(t, "log of web/0", "hello")
	w.Type(t, "q")
	w.Expect(t, "before", "Stopped")
	w.Type(t, "echo status $?", "Enter")
	w.Expect(t, "status 0")

	// Where no shell is in the way there is none to go back to.
	w = topOf(t, m.client, 80, 24)
	w.Expect(t, "log of web/0")
	w.Type(t, "C-z")
	w.Expect(t, "there is no shell to go back to")

	term := bed.NewTerminal(t, exec.Command(filepath.Join(built.dir, "goinitctl"), "--socket", m.client[1], "top"))
	term.Output.Expect(t, drawn)
	term.Signal(t, unix.SIGHUP)
	if got := term.Wait(); got != 129 {
		t.Errorf("status %d", got)
	}
	term.Output.Expect(t, restored)
	if out := term.Output.String(); strings.Contains(out, "\x1b[38;2;") {
		t.Errorf("more colors than this terminal has: %q", out)
	}

	// The terminal goes away.
	cmd := exec.Command(filepath.Join(built.dir, "goinitctl"), "--socket", m.client[1], "top")
	term = bed.NewTerminal(t, cmd)
	term.Output.Expect(t, drawn)
	term.Close()
	if got := term.Wait(); got != 129 {
		t.Errorf("status %d", got)
	}
}

// What the terminal can do is what is used: colors unless NO_COLOR, nothing at all if TERM=dumb.
func TestTopColors(t *testing.T) {
	m := runSpec(t, "apps:\n  web: {command: sleep 100000}\n")
	run := func(env ...string) *bed.Terminal {
		cmd := exec.Command(filepath.Join(built.dir, "goinitctl"), "--socket", m.client[1], "top")
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
		return bed.NewTerminal(t, cmd)
	}
	const green = "\x1b[32m"
	// The row that is selected has no colors: with two workers the second has.
	m.must(t, "scale", "web", "2")
	for _, tt := range []struct {
		env  []string
		want bool
	}{{[]string{"TERM=xterm"}, true}, {[]string{"TERM=xterm", "NO_COLOR=1"}, false}} {
		term := run(tt.env...)
		term.Output.Expect(t, drawn)
		term.Type(t, "q")
		if status := term.Wait(); status != 0 {
			t.Errorf("%v: status %d", tt.env, status)
		}
		term.Output.Expect(t, restored)
		if got := strings.Contains(term.Output.String(), green); got != tt.want {
			t.Errorf("%v: colors: %v\n%q", tt.env, got, term.Output)
		}
	}
	term := run("TERM=dumb")
	if status := term.Wait(); status != 64 {
		t.Errorf("status %d, %s", status, term.Output)
	}
	term.Output.Expect(t, "goinit ctl ps --watch")
}

// The one line that says how far an order is, on a terminal and elsewhere.
func TestProgressOfOrders(t *testing.T) {
	m := runSpec(t, `apps:
  web: {command: [sh, -c, 'trap "exit 0" TERM; while :; do sleep 0.1; done'], workers: 3}
`)
	for _, tt := range []struct{ verb, line, last string }{
		{"reload", "web: %d of 3 replaced", "web/2  reloaded"},
		{"restart", "%d of 3 started again", "web/2  restarted"},
		{"stop", "%d of 3 stopped", "web/2  stopped"},
	} {
		r := m.run(t, tt.verb, "web")
		want := ""
		for n := range 3 {
			want += fmt.Sprintf(tt.line, n+1) + "\n"
		}
		if r.Status != 0 || r.Stderr != want || !strings.Contains(r.Stdout, tt.last) {
			t.Errorf("%s: status %d, want\n%s", tt.verb, r.Status, want)
		}
		if tt.verb == "stop" {
			continue
		}
		term := bed.NewTerminal(t, exec.Command(filepath.Join(built.dir, "goinitctl"), "--socket", m.client[1], tt.verb, "web"))
		if status := term.Wait(); status != 0 {
			t.Errorf("%s: status %d", tt.verb, status)
		}
		term.Output.Expect(t, tt.last)
		if out := term.Output.String(); strings.Contains(out, "started again\r\n") || strings.Contains(out, "replaced\r\n") {
			t.Errorf("the line is left there: %q", out)
		}
	}
}
