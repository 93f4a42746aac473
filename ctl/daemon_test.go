package ctl

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// Where no goinit answers, add starts one with what says which it is, and then adds.
func TestAddStartsGoinit(t *testing.T) {
	for _, c := range []struct {
		name   string
		args   []string
		start  func(b *bed) error
		ran    string
		status int
		says   string
	}{
		{"none", []string{"add", "x", "--", "true"}, nil, "run --detach --empty", 0,
			"goinit ctl: no goinit answers here, so one is started\nnew  added"},
		{"of a name", []string{"-N", "shop", "add", "x", "--", "true"}, nil, "run --detach --empty -N shop", 0, "so one is started\n"},
		{"it fails", []string{"add", "x", "--", "true"}, func(*bed) error { return exec.Command("sh", "-c", "exit 7").Run() }, "run --detach --empty", 1,
			"goinit ctl: goinit could not be started: status 7\n  in the foreground: goinit run --empty\n"},
		{"it is missing", []string{"add", "x", "--", "true"}, func(*bed) error { return errors.New("exec goinit: no such file") }, "run --detach --empty", 1,
			"goinit ctl: goinit could not be started: exec goinit: no such file\n  goinit is two files, side by side\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, ran := newBed(t), ""
			b.world.goinit = func(args ...string) error {
				ran = strings.Join(args, " ")
				if c.start != nil {
					return c.start(b)
				}
				b.another(t, "shop")
				return nil
			}
			out, status := b.run(t, c.args...)
			if status != c.status || ran != c.ran || !strings.Contains(out, c.says) {
				t.Errorf("status %d, ran %q, said %q; wanted %d, %q, %q", status, ran, out, c.status, c.ran, c.says)
			}
		})
	}
	b := newBed(t, "one", "two") // which one? is no reason to start a third
	b.world.goinit = func(...string) error { t.Error("it was started"); return nil }
	if out, status := b.run(t, "add", "x", "--", "true"); status != exitUsage || !strings.Contains(out, "which one?") {
		t.Errorf("status %d, %s", status, out)
	}
}
