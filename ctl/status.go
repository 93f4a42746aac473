package ctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"goinit/control"
)

// Exit statuses. Usage and not allowed are EX_USAGE and EX_NOPERM of sysexits.h.
const (
	exitDone       = 0
	exitFailed     = 1
	exitNoAnswer   = 3
	exitNoTarget   = 4
	exitTimedOut   = 5
	exitUsage      = 64
	exitNotAllowed = 77
)

// exit is an error with its status: what a program that exec ran ended with, or what nothing else tells.
type exit struct {
	status int
	error  // nil: nothing more is to be said
}

func (e exit) Error() string {
	if e.error == nil {
		return ""
	}
	return e.error.Error()
}

func (e exit) Unwrap() error { return e.error }

// statusOf maps errors to statuses. One that nobody marked is cobra's, about usage.
func statusOf(err error) int {
	var own exit
	var told *control.Error
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, new(failure)):
		return exitFailed
	case errors.As(err, &own):
		return own.status
	case errors.As(err, &told):
		switch told.Name {
		case control.NoSuchTarget:
			return exitNoTarget
		case control.TimedOut:
			return exitTimedOut
		case control.NotAllowed:
			return exitNotAllowed
		case "org.varlink.service.InvalidParameter":
			return exitUsage
		}
		return exitFailed
	case errors.Is(err, context.DeadlineExceeded):
		return exitTimedOut
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return exitNotAllowed
	case errors.Is(err, control.ErrGone):
		return exitNoAnswer
	case errors.As(err, new(unix.Errno)):
		return exitFailed
	}
	return exitUsage
}

// failed marks an error that is not about usage.
func failed(format string, args ...any) error {
	return exit{exitFailed, fmt.Errorf(format, args...)}
}

// tell says what happened, with what a worker said last and, about usage, where to read on.
func tell(w io.Writer, err error, status int) {
	if s := (several{}); errors.As(err, &s) {
		for _, one := range s.each {
			who := "goinit ctl"
			if one.instance != "" {
				who += ": " + one.instance
			}
			tellOf(w, who, one.err, statusOf(one.err))
		}
		return
	}
	tellOf(w, "goinit ctl", err, status)
}

func tellOf(w io.Writer, who string, err error, status int) {
	if err == nil || err.Error() == "" {
		return
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("no answer in time")
	}
	if m := (specMistakes{}); errors.As(err, &m) { // they begin with their place, by themselves
		fmt.Fprintln(w, m.Problems)
		return
	}
	if m := (foreignMistake{}); errors.As(err, &m) { // so do they
		fmt.Fprintln(w, m)
		return
	}
	fmt.Fprintf(w, "%s: %v\n", who, strings.TrimRight(err.Error(), "\n"))
	var told *control.Error
	switch {
	case errors.As(err, &told):
		for _, o := range told.Outcomes {
			fmt.Fprintf(w, "  %s: %s\n", o.Name, strings.TrimSpace(o.Outcome+" "+o.Message))
		}
		if len(told.Lines) > 0 {
			fmt.Fprintf(w, "  its last lines: | %s\n", strings.Join(told.Lines, "\n                  | "))
		}
		if told.Remedy != "" {
			fmt.Fprintf(w, "  %s\n", told.Remedy)
		}
		if told.Name == control.TimedOut {
			fmt.Fprintln(w, "  wait longer: --timeout 5m      not at all: --no-wait")
		}
	case status == exitUsage && !strings.Contains(err.Error(), "\n"): // else the message says how
		fmt.Fprintln(w, "  goinit ctl help")
	case status == exitNotAllowed && !errors.Is(err, os.ErrNotExist):
		fmt.Fprintln(w, "  root and goinit's own user may; to look: the group of control: {read_group: NAME}")
	}
}
