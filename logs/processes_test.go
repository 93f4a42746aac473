package logs

import (
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"testing"
	"time"

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

// benchmarkFlood writes b.N times a MiB of lines of 100 bytes, by another process, and reports what we used for it.
func benchmarkFlood(b *testing.B, fd int) {
	b.Helper()
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		b.Fatal(err)
	}
	w := os.NewFile(uintptr(n), "w")
	defer w.Close()
	b.SetBytes(1 << 20)
	cmd := exec.Command("sh", "-c", "yes "+strings.Repeat("x", 99)+" | head -c "+strconv.Itoa(b.N<<20))
	cmd.Stdout = w
	before := ownCPU()
	b.ResetTimer()
	if err := cmd.Run(); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	b.ReportMetric(float64(ownCPU()-before)/1e6/float64(b.N)*1024, "ms-cpu/GiB")
}

func ownCPU() time.Duration {
	var u unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCat is cat > /dev/null, as a measure: its own CPU time.
func BenchmarkCat(b *testing.B) {
	r, w, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	devnull, err := os.OpenFile("/dev/null", os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer devnull.Close()
	cat := exec.Command("cat")
	cat.Stdin, cat.Stdout = r, devnull
	if err := cat.Start(); err != nil {
		b.Fatal(err)
	}
	r.Close()
	benchmarkFlood(b, int(w.Fd()))
	w.Close()
	cat.Wait()
	used := cat.ProcessState.UserTime() + cat.ProcessState.SystemTime()
	b.ReportMetric(float64(used)/1e6/float64(b.N)*1024, "ms-cpu/GiB")
}
