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

// TestMain lets the test's own executable be something else.
func TestMain(m *testing.M) {
	switch os.Getenv("LOGS_TEST_AS") {
	case "writer":
		beWriter()
	case "init":
		beInit()
	default:
		os.Exit(m.Run())
	}
}

// beWriter is a worker that writes ten lines every 20 ms.
func beWriter() {
	for range time.Tick(20 * time.Millisecond) {
		for range 10 {
			if _, err := os.Stdout.WriteString(strings.Repeat("x", 99) + "\n"); err != nil {
				os.Exit(1)
			}
		}
	}
}

// BenchmarkManyWriters is our own CPU time for 20 workers that write 500 lines a second each, for a second of theirs.
func BenchmarkManyWriters(b *testing.B) {
	devnull, err := os.OpenFile("/dev/null", os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer devnull.Close()
	c, err := New(Options{Stdout: int(devnull.Fd()), Stderr: int(devnull.Fd())})
	if err != nil {
		b.Fatal(err)
	}
	for i := range 20 {
		o, err := c.Open(Worker{App: "many", Slot: i, Console: Prefix})
		if err != nil {
			b.Fatal(err)
		}
		n, err := unix.FcntlInt(uintptr(o.Stdout()), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			b.Fatal(err)
		}
		w := os.NewFile(uintptr(n), "w")
		cmd := exec.Command("/proc/self/exe")
		cmd.Env, cmd.Stdout = []string{"LOGS_TEST_AS=writer", "GOMAXPROCS=1"}, w
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		w.Close()
		o.Started()
		defer cmd.Wait()
		defer cmd.Process.Kill()
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	<-tick.C
	before := ownCPU()
	for b.Loop() {
		<-tick.C
	}
	b.ReportMetric(float64(ownCPU()-before)/1e6/float64(b.N), "ms-cpu/s")
	c.Close(time.Now())
}

// leaveDescriptors sees to it that so many descriptors are free; restore undoes it.
func leaveDescriptors(t *testing.T, free int) (restore func()) {
	t.Helper()
	var held []int
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	limited := old
	limited.Cur = 256
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limited); err != nil {
		t.Fatal(err)
	}
	for {
		fd, err := unix.Dup(0)
		if err != nil {
			break
		}
		held = append(held, fd)
	}
	for range free {
		unix.Close(held[len(held)-1])
		held = held[:len(held)-1]
	}
	return func() {
		for _, fd := range held {
			unix.Close(fd)
		}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
			t.Fatal(err)
		}
	}
}
