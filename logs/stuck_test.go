package logs

import (
	"bytes"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"goinit/logs/store"

	"golang.org/x/sys/unix"
)

// stuckConsole has a stdout that nobody reads yet.
func stuckConsole(t *testing.T, o Options) (c *Console, stdout *os.File, stderr *collected) {
	t.Helper()
	r, w := pipe(t)
	er, ew := pipe(t)
	o.Stdout, o.Stderr = int(w.Fd()), int(ew.Fd())
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(time.Now()) })
	return c, r, collect(er)
}

func TestStuckReaderBlocksNobody(t *testing.T) {
	c, stdout, stderr := stuckConsole(t, Options{patience: 20 * time.Millisecond})
	o, err := c.Open(Worker{App: "web", Console: Prefix})
	if err != nil {
		t.Fatal(err)
	}
	// 4 MB, into a console that takes 64 KiB and a queue of 512: the worker ends all the same.
	cmd := start(t, o, `yes 123456789012345678901234567890123456789 | head -c 4000000`)
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	o.Drain(soon())
	if kept := len(c.Tail(Target{"web", 0}, 1_000_000)); kept < 1<<20/(40+headerSize) {
		t.Errorf("%d lines kept", kept)
	}
	lost := c.Stats().Lost
	if shown := 100_000 - lost; lost == 0 || shown < 5000 {
		t.Fatalf("%d lines are lost", lost)
	}
	if stderr.String() != "" {
		t.Errorf("told too early: %q", stderr.String())
	}
	out := collect(stdout)
	want := "goinit: " + Loss{"web", lost}.String() + "\n"
	until(t, "the loss is told", func() bool { return stderr.String() == want })
	o, err = c.Open(Worker{App: "web", Console: Prefix, Generation: 1})
	if err != nil {
		t.Fatal(err)
	}
	write(t, o.Stdout(), "again\n")
	until(t, "the console moves", func() bool { return strings.HasSuffix(out.String(), "\nweb/0 | again\n") })
	if n := strings.Count(out.String(), "\n"); uint64(n) != 100_000-lost+1 {
		t.Errorf("%d lines are shown and %d lost, of 100001", n, lost)
	}
	for line := range strings.Lines(out.String()) {
		if line != "web/0 | again\n" && line != "web/0 | 123456789012345678901234567890123456789\n" {
			t.Fatalf("mixed: %q", line)
		}
	}
	o.Drain(soon())
}

func TestCloseDoesNotWaitForAStuckReader(t *testing.T) {
	c, _, _ := stuckConsole(t, Options{patience: time.Hour})
	o, err := c.Open(Worker{App: "web", Console: Raw})
	if err != nil {
		t.Fatal(err)
	}
	start(t, o, `exec yes `+strings.Repeat("x", 500)) // until the loop itself waits for the console; short lines take it seconds
	until(t, "the queue is full", func() bool { return c.Stats().Queued > 180_000 })
	began := time.Now()
	o.Drain(began.Add(50 * time.Millisecond))
	c.Close(began.Add(100 * time.Millisecond))
	if d := time.Since(began); d < 100*time.Millisecond || d > time.Minute {
		t.Errorf("took %v, want a little more than 100ms", d)
	}
}

func TestMessagesNeverBlock(t *testing.T) {
	_, w := pipe(t)
	c, err := New(Options{Stdout: int(w.Fd()), Stderr: int(w.Fd())})
	if err != nil {
		t.Fatal(err)
	}
	if c.stdout != c.stderr {
		t.Error("one pipe has two queues: lines may change places")
	}
	for range 20_000 {
		c.Messages().Write([]byte("goinit: " + strings.Repeat("x", 91) + "\n"))
	}
	if s := c.Stats(); s.Lost < 10_000 || s.Queued > queueSize {
		t.Errorf("%+v", s)
	}
	c.Close(time.Now())
}

func TestBrokenConsoles(t *testing.T) {
	signals := make(chan os.Signal, 1)
	notify(t, signals, syscall.SIGPIPE)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	r, noReader := pipe(t)
	r.Close()
	sockets, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(sockets[0])
	unix.Close(sockets[1])
	for name, fd := range map[string]int{"full": int(full.Fd()), "no reader": int(noReader.Fd()), "no peer": sockets[0], "closed": -1, "never open": 987654} {
		t.Run(name, func(t *testing.T) {
			c, err := New(Options{Stdout: fd, Stderr: fd})
			if err != nil {
				t.Fatal(err)
			}
			o, err := c.Open(Worker{App: "web", Console: Raw})
			if err != nil {
				t.Fatal(err)
			}
			write(t, o.Stdout(), "lost\n")
			o.Drain(soon())
			c.Close(soon())
			if lost := c.Stats().Lost; fd >= 0 && fd != 987654 && lost != 2 { // the line, and the message about it
				t.Errorf("lost %d", lost)
			}
		})
	}
	select {
	case <-signals:
		t.Error("a SIGPIPE was raised")
	default:
	}
}

// The three ways to write without O_NONBLOCK: none blocks, none loses anything.
func TestDevices(t *testing.T) {
	cases := map[string]func(t *testing.T) (r *os.File, d device){
		"own open file": func(t *testing.T) (*os.File, device) {
			r, w := pipe(t)
			d := device1(t, int(w.Fd()))
			if !d.own {
				t.Error("was not opened again")
			}
			return r, d
		},
		"RWF_NOWAIT": func(t *testing.T) (*os.File, device) {
			r, w := pipe(t)
			p, err := newPoller()
			if err != nil {
				t.Fatal(err)
			}
			return r, &descriptor{fd: int(w.Fd()), kind: unix.S_IFIFO, noWait: true, poller: p}
		},
		"poll": func(t *testing.T) (*os.File, device) {
			r, w := pipe(t)
			p, err := newPoller()
			if err != nil {
				t.Fatal(err)
			}
			return r, &descriptor{fd: int(w.Fd()), kind: unix.S_IFIFO, poller: p}
		},
		"socket": func(t *testing.T) (*os.File, device) {
			fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			r, w := os.NewFile(uintptr(fds[0]), "r"), os.NewFile(uintptr(fds[1]), "w")
			t.Cleanup(func() { r.Close(); w.Close() })
			return r, device1(t, int(w.Fd()))
		},
	}
	for name, open := range cases {
		t.Run(name, func(t *testing.T) {
			r, d := open(t)
			defer d.close()
			var want bytes.Buffer
			piece := bytes.Repeat([]byte("0123456789abcde\n"), writeSize/16)
			fill := func() {
				for {
					n, err := d.write(piece)
					want.Write(piece[:n])
					if err == unix.EAGAIN {
						return
					}
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			fill()
			if want.Len() < 32<<10 {
				t.Errorf("full at %d bytes", want.Len())
			}
			out := collect(r)
			for range 5 {
				if err := d.wait(); err != nil {
					t.Fatal(err)
				}
				fill()
			}
			until(t, "all is read", func() bool { return out.String() == want.String() })
		})
	}
}

func device1(t *testing.T, fd int) *descriptor {
	t.Helper()
	d, err := openDevice(fd)
	if err != nil {
		t.Fatal(err)
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
		t.Errorf("flags of the console: %o, %v", flags, err)
	}
	return d.(*descriptor)
}

// What was lost is told before the end, if the console takes it; and who is told may be as broken as it likes.
func TestLossesAreToldAtTheEnd(t *testing.T) {
	for name, o := range map[string]Options{
		"as text":  {},
		"panicked": {Lost: func(Loss) { panic("broken") }},
	} {
		t.Run(name, func(t *testing.T) {
			o.patience = time.Millisecond
			c, stdout, stderr := stuckConsole(t, o)
			out, err := c.Open(Worker{App: "web", Console: Prefix})
			if err != nil {
				t.Fatal(err)
			}
			cmd := start(t, out, `yes 1234567890 | head -c 2000000`)
			cmd.Wait()
			out.Drain(soon())
			collect(stdout)
			c.Close(soon())
			want := "goinit: " + Loss{"web", c.Stats().Lost}.String() + "\n"
			if name == "panicked" {
				want = "goinit: a defect of goinit's logs, some lines are lost: broken\n"
			}
			until(t, "it is told", func() bool { return stderr.String() == want })
		})
	}
}

// A defect in the loop costs the lines at hand, not PID 1.
func TestLoopSurvivesAPanic(t *testing.T) {
	broken := make(chan error, 1)
	k := newConsole(t, Options{Broken: func(err error) { broken <- err }})
	bad, good := k.open(Worker{App: "bad", Console: Prefix}), k.open(Worker{App: "web", Console: Prefix})
	k.kept.mu.Lock()
	k.kept.rings["bad"].chunks = []*chunk{nil} // a defect
	k.kept.mu.Unlock()
	write(t, bad.Stdout(), "x\n")
	if err := <-broken; err == nil {
		t.Error("nothing is said")
	}
	write(t, bad.Stdout(), "unfinished") // this one panics in Drain
	bad.Drain(soon())
	if err := <-broken; err == nil {
		t.Error("nothing is said")
	}
	write(t, good.Stdout(), "goes on\n")
	good.Drain(soon())
	if n := k.Stats().Pipes; n != 0 {
		t.Errorf("%d pipes are left", n)
	}
	if out, _ := k.end(); out != "web/0 | goes on\n" {
		t.Errorf("%q", out)
	}
}

// Beside one that floods a stuck console, one that says a line now and then still has room.
func TestQuietWorkerBesideAFlood(t *testing.T) {
	c, stdout, _ := stuckConsole(t, Options{patience: time.Millisecond})
	open := func(app string) *Output {
		o, err := c.Open(Worker{App: app, Console: Prefix})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	flood, calm := open("flood"), open("calm")
	start(t, flood, `exec yes`)
	until(t, "lines of the flood are lost", func() bool { return c.Stats().Lost > 0 })
	for range 100 {
		write(t, calm.Stdout(), "here I am\n")
	}
	calm.Drain(soon())
	flood.Drain(soon())
	out := collect(stdout)
	c.Close(soon())
	until(t, "all lines of the quiet one are shown", func() bool { return strings.Count(out.String(), "calm/0  | here I am\n") == 100 })
}

// A disk that does not answer stops the one who writes to it, and nobody else: others are read and shown meanwhile, an end is
// noticed, and what was read is stored when it answers. Here it is who is told of a closed segment that does not.
func TestStuckDiskStopsNobody(t *testing.T) {
	dir := t.TempDir()
	gate, entered := make(chan struct{}), make(chan struct{}, 1)
	var c *console
	s := store.New(store.Options{Directories: []string{dir}, Tell: func(_ store.Level, text string) { t.Error(text) }, Wake: func() { c.Wake() },
		Compress: func(_ string, done func(error)) {
			select {
			case entered <- struct{}{}:
			default:
			}
			<-gate
		}})
	c = newConsole(t, Options{Store: s})
	s.Start()
	t.Cleanup(func() { s.Close(soon()) })
	// They drop: who does not is made to wait for two seconds before there are more than two batches.
	loud := c.open(Worker{App: "loud", Console: Off, Limits: store.Limits{MaxSize: 4, Drop: true}})
	calm := c.open(Worker{App: "calm", Console: Prefix, Limits: store.Limits{Drop: true}})
	write(t, loud.Stdout(), "one\ntwo\n")
	<-entered
	for i := range 3 { // the loop was in that write; who takes over reads more than once
		write(t, calm.Stdout(), "here I am\n")
		until(t, "the other's line is shown", func() bool { return strings.Count(c.out.String(), "calm/0 | here I am\n") == i+1 })
	}
	write(t, loud.Stdout(), "three\n")
	loud.Drain(soon())
	if got := joined(c.Tail(Target{"loud", 0}, 9)); got != "one\ntwo\nthree\n" {
		t.Errorf("last words: %q", got)
	}
	close(gate)
	c.end() // the loop may have kept a batch that was not full until now
	if all, _ := stored(t, s, dir, "calm"); len(all) == 0 || all[0].text[:10] != "here I am\n" {
		t.Errorf("%+v", all)
	}
	all, _ := stored(t, s, dir, "loud")
	text := ""
	for _, p := range all {
		text += p.text
	}
	if text != "one\ntwo\nthree\n" {
		t.Errorf("%q", text)
	}
}

// Nor does a worker hold up others that ends meanwhile with more in its pipe than there is room for.
func TestEndWhileTheDiskIsStuck(t *testing.T) {
	dir := t.TempDir()
	gate, entered := make(chan struct{}), make(chan struct{}, 1)
	s := store.New(store.Options{Directories: []string{dir}, Compress: func(string, func(error)) {
		select {
		case entered <- struct{}{}:
		default:
		}
		<-gate
	}})
	c := newConsole(t, Options{Store: s})
	s.Start()
	t.Cleanup(func() { s.Close(soon()) })
	full := c.open(Worker{App: "full", Console: Off, Limits: store.Limits{MaxSize: 1 << 20}})
	calm := c.open(Worker{App: "calm", Console: Prefix, Limits: store.Limits{Drop: true}})
	line := strings.Repeat("x", 1<<10-1) + "\n"
	written := 1<<20 + len(line)
	write(t, full.Stdout(), strings.Repeat(line, written/len(line)))
	<-entered
	if err := unix.SetNonblock(full.Stdout(), true); err != nil {
		t.Fatal(err)
	}
	for ; written < 3<<20; written += len(line) { // until nothing more is read, or much is
		if _, err := unix.Write(full.Stdout(), []byte(line)); err != nil {
			break
		}
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		full.Drain(soon())
	}()
	write(t, calm.Stdout(), "here I am\n")
	until(t, "the other's line is shown", func() bool { return c.out.String() == "calm/0 | here I am\n" })
	close(gate)
	<-drained
	calm.Drain(soon())
	c.end()
	all, _ := stored(t, s, dir, "full")
	n := 0
	for _, p := range all {
		n += len(p.text)
	}
	if n != written {
		t.Errorf("%d bytes of %d are stored", n, written)
	}
}

// The end does not wait for it either.
func TestCloseDoesNotWaitForAStuckDisk(t *testing.T) {
	gate, entered := make(chan struct{}), make(chan struct{}, 1)
	s := store.New(store.Options{Directories: []string{t.TempDir()}, Compress: func(string, func(error)) {
		select {
		case entered <- struct{}{}:
		default:
		}
		<-gate
	}})
	c := newConsole(t, Options{Store: s})
	s.Start()
	o := c.open(Worker{App: "web", Console: Raw, Limits: store.Limits{MaxSize: 4}})
	write(t, o.Stdout(), "one\ntwo\n")
	<-entered
	write(t, o.Stdout(), "three\n")
	if out, _ := c.end(); out != "one\ntwo\nthree\n" {
		t.Errorf("%q", out)
	}
	close(gate)
	s.Close(soon())
}
