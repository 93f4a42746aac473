// Package ctl is what people touch: the client of a running goinit, one verb a file. It is linked into goinitctl alone,
// never into PID 1, and may use whatever makes it pleasant.
//
// In this version there is nothing to be a client of yet: command mode has no control socket. check, compile and init need
// none. The other verbs of the design come with run mode; until then they are refused by name, so that nobody takes them
// for misspelled.
package ctl

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// Exit statuses of goinit ctl that this version can give; usage is EX_USAGE of sysexits.h.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 64
)

// Build says what was built; goinitctl's main has it from the linker.
type Build struct{ Version, Commit string }

// Main runs goinit ctl with the arguments behind "ctl" and returns the exit status.
func Main(args []string, b Build) int {
	root := &cobra.Command{
		Use:         "ctl",
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: "goinit ctl"},
		Short:       "the client of a running goinit",
		Args:        cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("no verb was given")
			}
			return fmt.Errorf("%q is not a verb of this version, which has version, check, compile, init, completion, help", args[0])
		},
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetArgs(args)
	root.SetOut(os.Stdout)
	root.AddCommand(versionVerb(b), checkVerb(), compileVerb(), initVerb())
	if err := root.Execute(); err != nil {
		if f := (failure{}); errors.As(err, &f) {
			tell(os.Stderr, f.error)
			return exitFailed
		}
		complain(os.Stderr, err)
		return exitUsage
	}
	return exitDone
}

// tell tells what failed; mistakes in a spec begin with their place, by themselves.
func tell(w io.Writer, err error) {
	if m := (specMistakes{}); errors.As(err, &m) {
		fmt.Fprintln(w, m.Problems)
		return
	}
	fmt.Fprintf(w, "goinit ctl: %v\n", err)
}

func complain(w io.Writer, err error) {
	fmt.Fprintf(w, "goinit ctl: %v\n  goinit ctl help\n", err)
}
