package logs

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

// beInit is what PID 1 is here: 500 workers that have said something.
func beInit() {
	c, err := New(Options{Stdout: 2, Stderr: 2})
	if err != nil {
		panic(err)
	}
	var o *Output
	for i := range 500 {
		if o, err = c.Open(Worker{App: "app" + strconv.Itoa(i), Console: Off}); err != nil {
			panic(err)
		}
		os.NewFile(uintptr(o.Stdout()), "worker's").WriteString("hello\n")
	}
	for c.Stats().Kept < 500*(headerSize+5) {
		<-time.After(time.Millisecond)
	}
	fmt.Println(o.Stdout())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); { // holds a thread
		fmt.Println(c.Stats().Kept)
	}
}

// Idle, 500 workers cost no wake-up; and they have no threads, under a flood neither.
func TestIdleAndThreads(t *testing.T) {
	// With one processor the loop never waits as a thread. PID 1 has two, where there are two.
	for _, processors := range []string{"1", "2"} {
		t.Run(processors, func(t *testing.T) { idle(t, processors) })
	}
}

func idle(t *testing.T, processors string) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{"LOGS_TEST_AS=init", "GOMAXPROCS=" + processors}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	outPipe, err := cmd.StdoutPipe()
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
	out := bufio.NewScanner(outPipe)
	if !out.Scan() {
		t.Fatal("it did not start")
	}
	proc := "/proc/" + strconv.Itoa(cmd.Process.Pid)
	flood := exec.Command("sh", "-c", "yes 1234567890 | head -c 20000000 >"+proc+"/fd/"+out.Text())
	if b, err := flood.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	ask := func() {
		io.WriteString(in, "\n")
		out.Scan()
	}
	ask()
	threads := len(tasks(t, proc))
	t.Logf("%d threads, %s", threads, field(t, proc+"/status", "VmRSS"))
	// The loop, the monitor, whoever reads stdin, the collector's, as they come to be needed, seven at most on a busy machine; none
	// for any of the thousand pipes.
	const most = 16
	if threads > most {
		t.Errorf("%d threads", threads)
	}
	// The runtime winds down what the flood has started (the scavenger, the collector); then there is quiet.
	quiet := 0
	for end := time.Now().Add(time.Minute); quiet < 2 && time.Now().Before(end); {
		before := switches(t, proc)
		<-time.After(500 * time.Millisecond)
		if n := switches(t, proc) - before; n == 0 {
			quiet++
		} else {
			quiet = 0
		}
	}
	if quiet < 2 {
		t.Error("it is never idle for a second")
	}
	if n := len(tasks(t, proc)); n > most {
		t.Errorf("%d threads became %d", threads, n)
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
