package pid1

import (
	"testing"

	"golang.org/x/sys/unix"
)

// The signals that images inherit as STOPSIGNAL stop; HUP and WINCH depend on whether there is a terminal.
func TestMeaningOf(t *testing.T) {
	for _, c := range []struct {
		sig           unix.Signal
		without, with meaning
	}{
		{unix.SIGTERM, meansStop, meansStop},
		{unix.SIGINT, meansStop, meansStop},
		{unix.SIGQUIT, meansStop, meansStop},
		{unix.SIGPWR, meansStop, meansStop},
		{37, meansStop, meansStop}, // SIGRTMIN+3
		{unix.SIGWINCH, meansStop, meansMain},
		{unix.SIGHUP, meansApply, meansStop},
		{unix.SIGUSR1, meansState, meansState},
		{unix.SIGUSR2, meansMain, meansMain},
		{36, meansMain, meansMain},
		{38, meansMain, meansMain},
	} {
		if got := meaningOf(c.sig, false); got != c.without {
			t.Errorf("%v without a terminal: %v, want %v", c.sig, got, c.without)
		}
		if got := meaningOf(c.sig, true); got != c.with {
			t.Errorf("%v with a terminal: %v, want %v", c.sig, got, c.with)
		}
	}
}
