package watch

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// beIdle is what PID 1 is here: one processor, and a tree of 10,000 files.
func beIdle() {
	w, err := New(Plan{Dir: os.Getenv("WATCH_TEST_DIR"), Paths: []string{"."}, Delay: time.Millisecond}, func(n News) {
		fmt.Println(n.Kind, n.Directories, n.Path)
	})
	if err != nil {
		panic(err)
	}
	defer w.Close()
	for in := bufio.NewScanner(os.Stdin); in.Scan(); { // holds a thread
		fmt.Println("here")
	}
}

// 10,000 files in 500 folders cost nothing while nothing happens, and no thread ever.
func TestIdle(t *testing.T) {
	dir := t.TempDir()
	for i := range 10000 {
		folder := filepath.Join(dir, "d"+strconv.Itoa(i%25), "e"+strconv.Itoa(i%500))
		if i < 500 {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		f, err := os.Create(filepath.Join(folder, strconv.Itoa(i)))
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{"WATCH_TEST_AS=idle", "WATCH_TEST_DIR=" + dir, "GOMAXPROCS=1"}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close()
		cmd.Wait()
	}()
	out := bufio.NewScanner(pipe)
	line := func() string {
		if !out.Scan() {
			t.Fatal("it has ended")
		}
		return out.Text()
	}
	if got, want := line(), fmt.Sprint(Watching, 526, " "); got != want {
		t.Fatalf("said %q, want %q", got, want)
	}
	proc := "/proc/" + strconv.Itoa(cmd.Process.Pid)
	if err := os.WriteFile(filepath.Join(dir, "d7/e7/7"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, want := line(), fmt.Sprint(Changed, 526, " d7/e7/7"); got != want {
		t.Fatalf("said %q, want %q", got, want)
	}
	io.WriteString(in, "\n")
	line()
	t.Logf("%d threads, %s, heap and all", len(tasks(t, proc)), field(t, proc+"/status", "VmRSS"))
	if n := len(tasks(t, proc)); n > 6 { // the monitor, whoever reads stdin, the collector's, one that reads folders
		t.Errorf("%d threads", n)
	}
	// The runtime winds down what the start has left; then there is quiet.
	quiet := 0
	for end := time.Now().Add(time.Minute); quiet < 2 && time.Now().Before(end); {
		before := switches(t, proc)
		<-time.After(500 * time.Millisecond)
		if switches(t, proc) == before {
			quiet++
		} else {
			quiet = 0
		}
	}
	if quiet < 2 {
		t.Error("it is never idle for a second")
	}
}

func tasks(t *testing.T, proc string) []string {
	t.Helper()
	names, err := filepath.Glob(proc + "/task/*/status")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// switches is how often its threads have gone to sleep.
func switches(t *testing.T, proc string) (n int) {
	t.Helper()
	for _, task := range tasks(t, proc) {
		k, err := strconv.Atoi(field(t, task, "voluntary_ctxt_switches"))
		if err != nil {
			t.Fatal(err)
		}
		n += k
	}
	return n
}

func field(t *testing.T, status, name string) string {
	t.Helper()
	b, err := os.ReadFile(status)
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut("\n"+string(b), "\n"+name+":")
	value, _, _ := strings.Cut(after, "\n")
	return strings.TrimSpace(value)
}
