// Package ctl is what people touch: the client of a running goinit, one verb a file. It is linked into goinitctl alone,
// never into PID 1, and may use whatever makes it pleasant.
//
// A verb asks through package control and prints what it is told: for people as text that fits 80 columns, with -o json or
// yaml for programs. Lists are one JSON array, streams an object a line. Its error becomes the exit status: see status.go.
package ctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// Build says what was built; goinitctl's main has it from the linker.
type Build struct{ Version, Commit string }

// world is what a verb has around it: for tests to set.
type world struct {
	stdin          io.Reader // for top alone: who runs a program gives it files
	stdout, stderr io.Writer
	files          [3]int // descriptors that exec gives to the program
	getenv         func(string) string
	now            func() time.Time
	width          int  // of the terminal, or 80
	terminal       bool // stdout is one
	errTerminal    bool // stderr is one
	compile        func(path string) ([]byte, error)
	goinit         func(args ...string) error // runs the other executable; nil: there is none
	sample         time.Duration              // between the two readings of which stats makes a share of a CPU
}

// Main runs goinit ctl with the arguments behind "ctl" and returns the exit status.
func Main(args []string, b Build) int {
	width, terminal := terminalWidth(1)
	w := &world{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, files: [3]int{0, 1, 2}, getenv: os.Getenv, now: time.Now,
		width: width, terminal: terminal, errTerminal: isTerminal(2), compile: compileFile, goinit: runGoinit, sample: 500 * time.Millisecond,
	}
	return run(context.Background(), w, args, b)
}

func run(ctx context.Context, w *world, args []string, b Build) int {
	root := newRoot(&session{world: w}, b)
	root.SetArgs(append([]string{}, shieldNumbers(args)...)) // nil would be os.Args
	root.SetOut(w.stdout)
	root.SetErr(w.stderr)
	err := root.ExecuteContext(ctx)
	status := statusOf(err)
	tell(w.stderr, err, status)
	return status
}

func newRoot(s *session, b Build) *cobra.Command {
	root := &cobra.Command{
		Use:                "ctl",
		Annotations:        map[string]string{cobra.CommandDisplayNameAnnotation: "goinit ctl"},
		Short:              "the client of a running goinit",
		Args:               cobra.ArbitraryArgs,
		RunE:               func(_ *cobra.Command, args []string) error { return noSuchVerb(args) },
		FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true}, // whose verb is unknown, its flags are too
		SilenceUsage:       true,
		SilenceErrors:      true,
	}
	s.flags(root.PersistentFlags())
	root.AddCommand(
		psVerb(s), topVerb(s), statsVerb(s), describeVerb(s), infoVerb(s), configVerb(s), healthVerb(s), waitVerb(s), graphVerb(s), logsVerb(s), eventsVerb(s),
		startVerb(s), stopVerb(s), restartVerb(s), reloadVerb(s), pauseVerb(s), resumeVerb(s), signalVerb(s), scaleVerb(s), updateVerb(s),
		applyVerb(s), addVerb(s), rmVerb(s), saveVerb(s), execVerb(s), shutdownVerb(s), versionVerb(b),
		checkVerb(), compileVerb(), convertVerb(), initVerb(s), probeVerb(), compressLogVerb(), gatewayVerb(),
	)
	return root
}

// noSuchVerb answers the verbs of other tools with ours.
func noSuchVerb(args []string) error {
	if len(args) == 0 {
		return errors.New("no verb was given")
	}
	ours := map[string]string{
		"status": "ps", "list": "ps", "ls": "ps", "delete": "rm", "del": "rm", "remove": "rm", "kill": "signal",
		"inspect": "describe", "freeze": "pause", "unpause": "resume", "thaw": "resume", "show": "describe", "monit": "top", "reread": "apply", "up": "start", "down": "stop",
		"log": "logs", "tail": "logs", "plan": "config", "replan": "apply", "resurrect": "apply",
	}[args[0]]
	if ours != "" {
		return fmt.Errorf("%s is %s here: goinit ctl %[2]s", args[0], ours)
	}
	return fmt.Errorf("%q is not a verb", args[0])
}

// shieldNumbers keeps the -1 of "scale web -1" from being taken for a flag, and the -A 3 of "logs --grep RE -A 3", which is
// grep's, for our -A.
func shieldNumbers(args []string) []string {
	if slices.Contains(args, "logs") {
		args = grepsOwn(args) // and go on: an app may have this name
	}
	number := regexp.MustCompile(`^-[0-9]+$`)
	for i, a := range args {
		if a == "scale" && len(args) > i+2 && number.MatchString(args[i+2]) {
			shielded := append([]string{}, args[:i+2]...)
			shielded = append(shielded, args[i+3:]...)
			return append(shielded, "--", args[i+2])
		}
	}
	return args
}

func grepsOwn(args []string) []string {
	number := regexp.MustCompile(`^[0-9]+$`)
	args = slices.Clone(args)
	for i, a := range args {
		n, ok := strings.CutPrefix(a, "-A")
		switch {
		case a == "--":
			return args
		case ok && number.MatchString(n):
			args[i] = "--after-context=" + n
		case a == "-A" && i+1 < len(args) && number.MatchString(args[i+1]):
			args[i] = "--after-context"
		}
	}
	return args
}
