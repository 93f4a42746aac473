package pid1_test

import (
	"os/exec"
	"strings"
	"testing"

	"goinit/integration/bed"
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
	term.Type(t, "exit 3\r")
	if status := term.Wait(); status != 3 {
		t.Errorf("the shell's status is %d", status)
	}
}
