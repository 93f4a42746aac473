package health

import "time"

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
)

// maxOutput is how much of a failed probe's output is told: the tail of a program's, the head of a page.
const maxOutput = 1024

// Failure is why a probe did not succeed.
type Failure struct{ Why, Output string }
