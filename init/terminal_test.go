package pid1_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"goinit/integration/bed"

	"golang.org/x/sys/unix"
)

// Under a shell with job control goinit is a job like any other: Ctrl-Z stops it with its child and gives the shell its
// terminal back, fg goes on, Ctrl-C comes once; in the background it steals nothing.
func TestJobOfAShell(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed")
	}
	shell := exec.Command(bash, "--norc", "--noprofile", "--noediting", "-i")
	shell.Env = []string{"PS1=$ ", "PATH=/usr/bin:/bin", "TERM=dumb", "G=" + goinit}
	term := bed.NewTerminal(t, shell)
	out := term.Output

	term.Type(t, "stty -echo; echo quiet-$((1+1))-now\r") // so that what is typed is not taken for what is said
	out.Expect(t, "quiet-2-now")
	term.Type(t, "$G -- sh -c 'echo A-running; exec sleep 100'\r")
	out.Expect(t, "A-running")
	term.Type(t, "\x1a")
	out.Expect(t, "Stopped")
	term.Type(t, "echo shell-is-$((1+1))-back\r")
	out.Expect(t, "shell-is-2-back")
	term.Type(t, "fg\r")
	term.WaitForeground(t, "sleep") // bash's fg says what it does before it does it
	term.Type(t, "\x03")
	term.Type(t, "echo status-$?-end\r")
	out.Expect(t, "status-130-end")

	// A program that reads from the terminal, in the background: it stops, the shell keeps the terminal; brought to the
	// foreground it reads.
	term.Type(t, "$G -- sh -c 'echo B-running; read x; echo got-$x; exit 7' &\r")
	out.Expect(t, "B-running")
	term.Type(t, "until jobs | grep Stopped; do :; done; echo still-$((2+2))-mine\r")
	out.Expect(t, "still-4-mine")
	term.Type(t, "fg\r")
	term.Type(t, "hello\r")
	out.Expect(t, "got-hello")
	term.Type(t, "echo status-$?-end\r")
	out.Expect(t, "status-7-end")

	// A handler of INT counts one for each Ctrl-C.
	term.Type(t, "$G -- sh -c 'trap \"echo one-INT\" INT; echo C-running; read x; echo x=$x'\r")
	out.Expect(t, "C-running")
	term.Type(t, "\x03")
	out.Expect(t, "one-INT")
	term.Type(t, "\r")
	if passed := out.Expect(t, "x="); strings.Contains(passed, "INT") {
		t.Errorf("a second INT: %q", passed)
	}
	// A script behind goinit reads the terminal: it was given back.
	term.Type(t, "sh -c \"$G -- true; read y; echo y=\\$y\"\r")
	term.Type(t, "word\r")
	out.Expect(t, "y=word")

	// The job is a pipeline: all of it stops, and goes on.
	term.Type(t, "$G -- sh -c 'echo D-running >&2; exec sleep 100' | cat\r")
	out.Expect(t, "D-running")
	term.WaitForeground(t, "sleep")
	term.Type(t, "\x1a")
	out.Expect(t, "Stopped")
	term.Type(t, "fg\r")
	term.WaitForeground(t, "sleep")
	term.Type(t, "\x03")
	term.Type(t, "echo pipe-$((3+3))-over\r")
	out.Expect(t, "pipe-6-over")
	// And so does a script.
	term.Type(t, "sh -c \"$G -- sleep 100; echo script-over\"\r")
	term.WaitForeground(t, "sleep")
	term.Type(t, "\x1a")
	out.Expect(t, "Stopped")
	term.Type(t, "fg\r")
	term.WaitForeground(t, "sleep")
	term.Type(t, "\x03")
	out.Expect(t, "script-over")
	// Not at the head of a pipeline it has no claim on the terminal; its program has one if it reads from there.
	term.Type(t, "echo piped | $G -- sh -c 'cat; read x </dev/tty; echo tty-$x'\r")
	out.Expect(t, "piped")
	term.Type(t, "typed\r")
	out.Expect(t, "tty-typed")
	// In the background of a script it steals nothing.
	term.Type(t, "sh -c \"$G -- sleep 100 & echo script-reads; read y; echo script-got-\\$y; kill \\$!\"\r")
	out.Expect(t, "script-reads")
	term.Type(t, "line\r")
	out.Expect(t, "script-got-line")

	term.Type(t, "exit 3\r")
	if status := term.Wait(); status != 3 {
		t.Errorf("the shell's status is %d", status)
	}
}

// Without a shell above it that would continue it, goinit is not stopped, and its child goes on as well.
func TestNobodyToContinueIt(t *testing.T) {
	sh := exec.Command("/bin/sh", "-c", goinit+` -- sh -c 'trap "echo INT-came; exit 4" INT; echo running; read x'; echo status-$?`)
	term := bed.NewTerminal(t, sh) // a session's leader without job control, as below ssh -t
	term.Output.Expect(t, "running")
	term.Type(t, "\x1a")
	term.Type(t, "\x03")
	term.Output.Expect(t, "status-4")
	if term.Wait() != 0 {
		t.Error(term.Output.String())
	}
}

// A child that somebody stops, and not the terminal, is theirs to continue: goinit goes on.
func TestStopFromElsewhere(t *testing.T) {
	shell := exec.Command("bash", "--norc", "--noprofile", "--noediting", "-i", "-c",
		`set +m; $G -- sh -c 'kill -STOP $$; exit 6' & wait $!; echo status-$?`)
	shell.Env = []string{"PATH=/usr/bin:/bin", "G=" + goinit}
	term := bed.NewTerminal(t, shell)
	bed.Wait(t, "the child is stopped", func() (bool, string) {
		for _, p := range below(shell.Process.Pid) {
			if p.state == "T" && p.name == "sh" {
				unix.Kill(p.pid, unix.SIGCONT)
				return true, ""
			}
		}
		return false, term.Output.String()
	})
	term.Output.Expect(t, "status-6")
}

type seen struct {
	pid         int
	name, state string
}

// below lists the descendants of a process.
func below(root int) (all []seen) {
	dirs, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, d := range dirs {
		b, err := os.ReadFile(d)
		if err != nil {
			continue
		}
		var p seen
		var parent int
		before, after, _ := strings.Cut(string(b), ") ")
		fmt.Sscanf(after, "%s %d", &p.state, &parent)
		pid, name, _ := strings.Cut(before, " (")
		p.pid, _ = strconv.Atoi(pid)
		p.name = name
		if parent == root {
			all = append(append(all, p), below(p.pid)...)
		}
	}
	return all
}
