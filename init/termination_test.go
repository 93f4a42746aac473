package pid1

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

func TestTerminationLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "termination-log")
	if writeTermination(path, "x") {
		t.Error("written though it does not exist")
	}
	if _, err := os.Stat(terminationLog); err != nil && writeTermination(terminationLog, "x") {
		t.Error("written outside Kubernetes")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("it was made")
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("what was there before", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ reason, want string }{
		{"web gave up: exited with status 1, 5 times in 1m", "web gave up: exited with status 1, 5 times in 1m\n"},
		{"two\n  lines\tand \xff", "two lines and ?\n"},
		{"", "\n"},
	} {
		if !writeTermination(path, c.reason) {
			t.Errorf("%q is not written", c.reason)
		}
		if got, _ := os.ReadFile(path); string(got) != c.want {
			t.Errorf("%q became %q", c.reason, got)
		}
	}
	writeTermination(path, strings.Repeat("\u20ac", 5000))
	if got, _ := os.ReadFile(path); len(got) > maxTermination || len(got) < maxTermination-3 || !utf8.Valid(got) || got[len(got)-1] != '\n' {
		t.Errorf("a long one has %d bytes", len(got))
	}
}

func TestTerminationLogThatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := os.OpenFile(fifo, os.O_RDWR, 0) // so that opening it for writing would succeed
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, path := range []string{fifo, dir, "/dev/full"} {
		if writeTermination(path, "x") {
			t.Errorf("%s is written", path)
		}
	}
}
