package logs

import (
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// footprint is what PID 1 would weigh.
type footprint struct{ bytes, goroutines, threads, descriptors int }

func weigh(t *testing.T) footprint {
	t.Helper()
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	count := func(dir string) int {
		names, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	return footprint{int(m.HeapAlloc + m.StackInuse), runtime.NumGoroutine(), count("/proc/self/task"), count("/proc/self/fd")}
}

func (a footprint) minus(b footprint) footprint {
	return footprint{a.bytes - b.bytes, a.goroutines - b.goroutines, a.threads - b.threads, a.descriptors - b.descriptors}
}

// 500 workers of 500 apps are 1,000 pipes: they cost no goroutine and no thread, and little memory; and nothing is left
// of five generations of them.
func TestFiveHundredWorkers(t *testing.T) {
	k := newConsole(t, Options{})
	const workers = 500
	generation := func(g int) []*Output {
		outputs := make([]*Output, workers)
		for i := range outputs {
			outputs[i] = k.open(Worker{App: "app" + strconv.Itoa(i), Generation: g, Console: Prefix})
			// What they write is read at leisure: the goroutines that write need threads of their own.
		}
		return outputs
	}
	say := func(outputs []*Output) {
		for _, o := range outputs {
			write(t, o.Stdout(), "one line of a worker that says little\n")
			write(t, o.Stderr(), "a prompt without a newline")
		}
	}
	before := weigh(t)
	outputs := generation(0)
	idle := weigh(t).minus(before)
	t.Logf("idle, for a worker: %d bytes", idle.bytes/workers)
	if idle.bytes > workers*1500 || idle.goroutines > 0 || idle.descriptors != 4*workers { // the workers' ends are ours still
		t.Errorf("500 idle workers: %+v", idle)
	}
	say(outputs)
	until(t, "all lines are read", func() bool { return k.Stats().Kept == workers*(headerSize+37) })
	spoken := weigh(t).minus(before)
	t.Logf("having said a line: %d bytes", spoken.bytes/workers)
	if spoken.bytes > workers*3500 || spoken.goroutines > 0 || spoken.threads > 2 {
		t.Errorf("500 workers that said a line: %+v", spoken)
	}
	for g := range 4 {
		for _, o := range outputs {
			o.Drain(soon())
		}
		outputs = generation(g + 1)
		say(outputs)
	}
	for _, o := range outputs {
		o.Drain(soon())
	}
	after := weigh(t).minus(before)
	// five generations, two lines each: that is what grew, until each app has its megabyte.
	t.Logf("after five generations: %d bytes", after.bytes/workers)
	if after.bytes > workers*3500 || after.descriptors != 0 || after.goroutines > 0 || after.threads > 2 {
		t.Errorf("after five generations: %+v", after)
	}
	if p := k.Stats().Pipes; p != 0 {
		t.Errorf("%d pipes are left", p)
	}
}

// Memory is bounded whatever is written, and by whom it is read.
func TestMemoryIsFlatUnderAFlood(t *testing.T) {
	k := newConsole(t, Options{})
	before := weigh(t)
	for g := range 3 {
		o := k.open(Worker{App: "flood", Generation: g, Console: Off})
		cmd := start(t, o, `yes 'a line of a worker that never stops' | head -c 20000000`)
		cmd.Wait()
		o.Drain(soon())
		now := weigh(t).minus(before)
		t.Logf("%+v", now)
		if now.bytes > 3<<20 || now.threads > 3 {
			t.Errorf("after %d floods: %+v", g+1, now)
		}
	}
}

// BenchmarkConsole is bytes through a pipe, the loop, the ring, the queue and another pipe. Compare with -bench Cat.
func BenchmarkConsole(b *testing.B) {
	for _, m := range []struct {
		name string
		mode Mode
	}{{"off", Off}, {"raw", Raw}, {"prefix", Prefix}, {"json", JSON}} {
		b.Run(m.name, func(b *testing.B) {
			devnull, err := os.OpenFile("/dev/null", os.O_WRONLY, 0)
			if err != nil {
				b.Fatal(err)
			}
			defer devnull.Close()
			c, err := New(Options{Stdout: int(devnull.Fd()), Stderr: int(devnull.Fd())})
			if err != nil {
				b.Fatal(err)
			}
			o, err := c.Open(Worker{App: "web", Console: m.mode})
			if err != nil {
				b.Fatal(err)
			}
			benchmarkFlood(b, o.Stdout())
			began := time.Now()
			o.Drain(time.Now().Add(time.Minute))
			c.Close(began.Add(time.Minute))
			if lost := c.Stats().Lost; lost > 0 {
				b.Errorf("%d lines are lost", lost)
			}
		})
	}
}
