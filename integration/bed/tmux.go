package bed

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Tmux is a window of a terminal multiplexer of its own, with a program in it: a terminal that understands what is drawn, and
// can be looked at.
type Tmux struct {
	socket string
}

// TmuxEnd is what a window shows below the screen of its program when that has ended: its status is in the place of %d.
const TmuxEnd = "[ended with %d]"

// NewTmux starts a program in a window of so many columns and rows. Its terminal is tmux's usual one: 256 colors at most, UTF-8.
// The program gets a hangup at the end of the test.
func NewTmux(t testing.TB, columns, rows int, program string, args ...string) *Tmux {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		Without(t, "tmux", "tmux is not installed")
	}
	dir, err := os.MkdirTemp("", "tmux-")
	if err != nil {
		t.Fatal(err)
	}
	w := &Tmux{socket: filepath.Join(dir, "s")}
	// -D: not a daemon, which would outlive us where we are killed.
	server := exec.Command("tmux", "-D", "-u", "-f", "/dev/null", "-S", w.socket)
	server.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+dir, "SHELL=/bin/sh")
	server.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.command("kill-server")
		server.Process.Kill() // if it did not hear
		server.Wait()
		os.RemoveAll(dir)
	})
	const script = `"$@"; printf '[ended with %d]\n' $?; exec sleep 100000`
	start := append([]string{"new-session", "-d", "-x", strconv.Itoa(columns), "-y", strconv.Itoa(rows), "sh", "-c", script, "sh", program}, args...)
	Wait(t, "tmux", func() (bool, string) {
		if _, err := os.Stat(w.socket); err != nil {
			return false, err.Error()
		}
		out, err := w.command(start...)
		return err == nil, out
	})
	return w
}

func (w *Tmux) command(args ...string) (string, error) {
	out, err := exec.Command("tmux", append([]string{"-u", "-S", w.socket}, args...)...).CombinedOutput()
	return string(out), err
}

func (w *Tmux) must(t testing.TB, args ...string) string {
	t.Helper()
	out, err := w.command(args...)
	if err != nil {
		t.Fatalf("tmux %s: %v %s", strings.Join(args, " "), err, out)
	}
	return out
}

// Type sends keys, as tmux calls them: q, Enter, Down, C-z.
func (w *Tmux) Type(t testing.TB, keys ...string) {
	t.Helper()
	w.must(t, append([]string{"send-keys"}, keys...)...)
}

// Resize makes the window another size.
func (w *Tmux) Resize(t testing.TB, columns, rows int) {
	t.Helper()
	w.must(t, "resize-window", "-x", strconv.Itoa(columns), "-y", strconv.Itoa(rows))
}

// Screen is what is to be seen now, without spaces at the ends of lines.
func (w *Tmux) Screen(t testing.TB) string {
	t.Helper()
	return w.must(t, "capture-pane", "-p")
}

// PID is that of the shell whose child the program is.
func (w *Tmux) PID(t testing.TB) int {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(w.must(t, "display-message", "-p", "#{pane_pid}")))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// Expect waits until all of these texts are to be seen at once, and returns the screen.
func (w *Tmux) Expect(t testing.TB, texts ...string) string {
	t.Helper()
	return w.ExpectThat(t, strings.Join(texts, ", "), func(screen string) bool {
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				return false
			}
		}
		return true
	})
}

// ExpectThat waits until the screen is as it should be, and returns it.
func (w *Tmux) ExpectThat(t testing.TB, what string, is func(screen string) bool) (screen string) {
	t.Helper()
	Wait(t, what+" on the screen", func() (bool, string) {
		screen = w.Screen(t)
		return is(screen), "\n" + screen
	})
	return screen
}
