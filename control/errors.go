package control

import (
	"encoding/json"
	"fmt"
)

// Error is an answer that says no. Name is an error of the interface, without io.goinit.; the rest are its parameters.
type Error struct {
	Name     string    `json:"-"`
	Message  string    `json:"message"`
	Target   string    `json:"target,omitempty"`   // NoSuchTarget: which
	Outcomes []Outcome `json:"outcomes,omitempty"` // Failed, TimedOut: what was done all the same
	Lines    []string  `json:"lines,omitempty"`    // Failed: the worker's last lines
	Remedy   string    `json:"remedy,omitempty"`   // what can be done, in a line
}

func (e *Error) Error() string { return e.Message }

// The errors of io.goinit.
const (
	NoSuchTarget = "NoSuchTarget" // the target names nothing that there is
	Busy         = "Busy"         // too much is asked at once; ask again
	TimedOut     = "TimedOut"     // the outcome was not known in time; what was ordered goes on
	NotAllowed   = "NotAllowed"   // to this user
	Failure      = "Failed"       // it was tried
	NotAvailable = "NotAvailable" // not yet, or not here
)

// The errors of org.varlink.service.
const (
	methodNotFound   = "org.varlink.service.MethodNotFound"
	invalidParameter = "org.varlink.service.InvalidParameter"
	expectedMore     = "org.varlink.service.ExpectedMore"
)

const errorPrefix = "io.goinit."

// Errorf makes one.
func Errorf(name, format string, args ...any) *Error {
	return &Error{Name: name, Message: fmt.Sprintf(format, args...)}
}

// serviceError is one of org.varlink.service, whose parameters are its own. Message is ours, for people.
type serviceError struct {
	name      string
	Method    string `json:"method,omitempty"`
	Interface string `json:"interface,omitempty"`
	Parameter string `json:"parameter,omitempty"`
	Message   string `json:"message,omitempty"`
}

func (e *serviceError) Error() string { return e.Message }

func invalid(parameter, format string, args ...any) error {
	return &serviceError{name: invalidParameter, Parameter: parameter, Message: fmt.Sprintf(format, args...)}
}

// errorOf reads an error from an answer. What the server meant is kept in Name; a service's error keeps its whole name.
func errorOf(name string, parameters json.RawMessage) *Error {
	e := &Error{}
	_ = json.Unmarshal(parameters, e) // a foreign server may put anything there
	if n := len(errorPrefix); len(name) > n && name[:n] == errorPrefix {
		e.Name = name[n:]
	} else {
		e.Name = name
	}
	if e.Message == "" {
		e.Message = "the answer was " + name
	}
	return e
}
