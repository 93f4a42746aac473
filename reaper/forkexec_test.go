//go:build forkexec

package reaper

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// What this build cannot do it refuses, and says so; it never starts a program without.
func TestRefusals(t *testing.T) {
	if !inside(t, asSubreaper) {
		return
	}
	l := newLedger(t)
	for name, c := range map[string]Command{
		"cgroups":      {Cgroups: []int{1}},
		"capabilities": {Capabilities: &Capabilities{}},
		"nice":         {Nice: ptr(1)},
		"umask":        {Umask: ptr(0)},
		"signal mask":  {SignalMask: 1},
		"LISTEN_PID":   {Env: []string{"LISTEN_PID=1"}, ListenPID: true},
	} {
		c.Argv = []string{"/bin/true"}
		if _, err := l.Start(&c); !errors.Is(err, ErrForkExec) {
			t.Errorf("%s: %v", name, err)
		}
	}
	out, s := l.run(t, &Command{Argv: []string{"/bin/sh", "-c", "ulimit -n"}, Limits: []Limit{{unix.RLIMIT_NOFILE, 64, 64}}, Files: nil})
	if s.Code() != 0 || out == "" {
		t.Errorf("%q, status %d", out, s.Code())
	}
}
