package logs

import (
	"errors"
	"math"
	"os"
	"sync/atomic"
	"time"

	"goinit/logs/store"

	"golang.org/x/sys/unix"
)

// Mode is how a worker's lines look on the console.
type Mode int

const (
	Auto    Mode = iota // Raw if there is one worker in all, else Prefix
	Prefix              // web/0 | line
	JSON                // see appendJSON
	Raw                 // the bytes as they are, at once
	Inherit             // the console's own descriptors, no pipe: nothing is kept
	Off                 // kept, but not shown
)

// ParseMode reads the spec's word; the empty one is Auto.
func ParseMode(s string) (Mode, error) {
	switch s {
	case "", "auto":
		return Auto, nil
	case "prefix":
		return Prefix, nil
	case "json":
		return JSON, nil
	case "raw":
		return Raw, nil
	case "inherit":
		return Inherit, nil
	case "off":
		return Off, nil
	}
	return Auto, errors.New("unknown console mode " + s + ": auto, prefix, json, raw, inherit or off")
}

// Worker is whose output it is.
type Worker struct {
	App        string
	Slot       int
	Generation int
	Console    Mode
	Owner      *Owner       // of the pipes, so that the worker may open /dev/stdout; nil: goinit itself
	Limits     store.Limits // of the app in the Store
	// Heard, if not nil, is given each line, which it may not keep, as long as it answers that it wants each; then enough of
	// them to know that there are some. It is called by the one goroutine that reads all workers: it must be quick.
	Heard func(line []byte) (each bool)
}

// Owner is a user and a group, by number.
type Owner struct{ UID, GID int }

// Output is one process' stdout and stderr. Its life: Open, start the process with Stdout and Stderr, Started, and when
// nothing of the process is left, Drain.
type Output struct {
	console *Console
	write   [2]atomic.Int32 // descriptors; -1: closed. Started and Drain may come at the same time, and a number closed twice is somebody else's
	streams [2]*stream      // nil with Inherit
}

// Open makes the pipes of one process. The descriptors are CLOEXEC, the worker's ends are blocking.
func (c *Console) Open(w Worker) (*Output, error) {
	o := &Output{console: c}
	o.write[Stdout].Store(int32(c.options.Stdout))
	o.write[Stderr].Store(int32(c.options.Stderr))
	if w.Slot < 0 || w.Slot > math.MaxUint16 {
		return nil, errors.New("cannot open the output of " + workerName(w.App, w.Slot) + ": no such slot")
	}
	name := workerName(w.App, w.Slot)
	c.names.Lock()
	c.know(name)
	c.names.Unlock()
	if w.Console == Inherit {
		return o, nil
	}
	ring := c.kept.ring(w.App)
	var app *store.App
	if c.options.Store != nil {
		app = c.options.Store.App(w.App, w.Limits)
		ring.tally.app.Store(app)
	}
	for i := range o.streams {
		s := &stream{worker: w, name: name, which: Stream(i), ring: ring, app: app, size: readSize, heardEach: w.Heard != nil, done: make(chan struct{})}
		fd, err := c.openPipe(s)
		if err != nil {
			if i == 1 {
				o.closeWriteEnd(0)
				o.streams[1] = nil
				c.drain(o.streams[:1])
			}
			return nil, errors.New("cannot open a pipe for the output of " + name + ": " + err.Error())
		}
		o.write[i].Store(int32(fd))
		o.streams[i] = s
	}
	return o, nil
}

func (c *Console) openPipe(s *stream) (write int, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return -1, os.NewSyscallError("pipe", err)
	}
	if err = unix.SetNonblock(p[0], true); err == nil {
		if o := s.worker.Owner; o != nil {
			// Refused without CAP_CHOWN, and then nothing is lost but opening /dev/stdout by name.
			_ = unix.Fchown(p[1], o.UID, o.GID)
		}
		err = c.add(s, p[0])
	}
	if err != nil {
		unix.Close(p[0])
		unix.Close(p[1])
		return -1, err
	}
	return p[1], nil
}

// Stdout is the descriptor that the process is to have as its 1; it remains the Output's.
func (o *Output) Stdout() int { return int(o.write[Stdout].Load()) }

// Stderr is the descriptor that the process is to have as its 2.
func (o *Output) Stderr() int { return int(o.write[Stderr].Load()) }

// Started closes our copies of the worker's ends. To be called when the process has its own, or will not be started.
func (o *Output) Started() {
	o.closeWriteEnd(Stdout)
	o.closeWriteEnd(Stderr)
}

func (o *Output) closeWriteEnd(i Stream) {
	if o.streams[i] == nil {
		return
	}
	if fd := o.write[i].Swap(-1); fd >= 0 {
		unix.Close(int(fd))
	}
}

// Drain reads what is in the pipes now, closes them, and returns. A process that still has a pipe open, or writes on,
// holds nothing up. It waits for the console if that is moving, and never past the deadline; what is left to read then
// is read later. After Drain the lines can be asked for. It implies Started.
func (o *Output) Drain(deadline time.Time) {
	if o.streams[0] == nil {
		return
	}
	o.Started()
	o.console.drain(o.streams[:])
	var timer *time.Timer
	for _, s := range o.streams {
		select {
		case <-s.done:
			continue
		default:
		}
		if timer == nil {
			timer = time.NewTimer(time.Until(deadline))
			defer timer.Stop()
		}
		select {
		case <-s.done:
		case <-timer.C:
			return
		}
	}
}
