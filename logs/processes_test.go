package logs

import (
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func killPID(t *testing.T, pid string) {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err != nil || n < 2 {
		t.Fatalf("no pid: %q", pid)
	}
	unix.Kill(n, unix.SIGKILL)
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to be another user")
	}
	if _, err := exec.LookPath("setpriv"); err != nil {
		t.Skip("needs setpriv, of util-linux")
	}
}

func notify(t *testing.T, c chan os.Signal, sig os.Signal) {
	signal.Notify(c, sig)
	t.Cleanup(func() { signal.Stop(c) })
}
