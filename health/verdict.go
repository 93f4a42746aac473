package health

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// Verdict is what was found out, or what the process has said of itself.
type Verdict struct {
	Kind Kind
	// Why is a line for people: "GET http://127.0.0.1:8080/healthz: status 503"; the text of a Status.
	Why string
	// Output is the last that a program, or a page, has had to say to a probe that failed; at most maxOutput bytes.
	Output string
	Extend time.Duration // of Extended: from now
	PID    int           // of MainPID
}

// Kind is what a Verdict is about.
type Kind uint8

// The verdicts.
const (
	Ready     Kind = iota // for the first time, or again
	NotYet                // not ready so far, and Why; told when the words change
	Unready               // not ready any more
	Unhealthy             // not alive; once in a row
	Extended              // EXTEND_TIMEOUT_USEC
	MainPID               // MAINPID, which belongs to the process
	Status                // STATUS, or ERRNO in words
	Stopping              // STOPPING
	Ignored               // somebody has spoken in the process's name and was not heard; once a Watch
	Unasked               // a probe could not be made, which is not the process's fault and does not count; once in a row
)

// maxOutput is how much of a failed probe's output is told: the tail of a program's, the head of a page.
const maxOutput = 1024

// Failure is why a probe did not succeed.
type Failure struct {
	Why, Output string
	ours        bool // it was not even made, for want of something that is goinit's to have
}

// ours reports whether an error is a want of our own: of descriptors, processes, memory. A worker is not restarted for it.
func ours(err error) bool {
	for _, e := range []error{unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.ENOBUFS, unix.EAGAIN} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
