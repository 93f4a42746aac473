package pid1

import (
	"golang.org/x/sys/unix"
)

// level of goinit's own messages. Errors are always told.
type level int

const (
	levelError level = iota - 1 // -q
	levelWarn                   // the default
	levelInfo                   // -v
	levelDebug                  // -vv
)

// speaker writes command mode's messages, goinit's own words to stderr, and never waits for its reader.
type speaker struct{ level level }

func (m speaker) error(text string) { say("goinit: " + text) }

func (m speaker) at(l level, text string) {
	if l <= m.level {
		say("goinit: " + text)
	}
}

// pipeBuf is PIPE_BUF (pipe(7)): a pipe, a socket or a terminal that is ready for writing takes as much at once.
const pipeBuf = 4096

// say writes text and a newline to stderr as long as that takes it at once. O_NONBLOCK is no way to this: it would be
// set for everybody who shares the descriptor, the child first.
func say(text string) {
	b := []byte(text + "\n")
	for len(b) > 0 {
		ready := []unix.PollFd{{Fd: 2, Events: unix.POLLOUT}}
		if n, err := unix.Poll(ready, 0); err != nil || n == 0 || ready[0].Revents&unix.POLLOUT == 0 {
			return
		}
		n, err := unix.Write(2, b[:min(len(b), pipeBuf)])
		if err != nil || n <= 0 {
			return
		}
		b = b[n:]
	}
}
