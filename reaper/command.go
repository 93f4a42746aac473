package reaper

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// Command is a child to be: its program, and what it must be before its first instruction. The zero value of each
// field changes nothing.
//
// The child sets them in this order: cgroups; session, group, terminal; priorities, limits and the score for the OOM
// killer (which may need privileges); identity and capabilities; directory, umask, no_new_privs; descriptors; signals.
type Command struct {
	// Argv is the program and its arguments. Without a slash Argv[0] is searched in PATH as Env has it, by the rules
	// of execvp(3): the default path is DefaultPath, an executable text without #! is given to /bin/sh, and the search
	// is made by the child, with its own permissions.
	Argv []string
	// Env is the whole environment, as NAME=VALUE; it may hold duplicates.
	Env []string
	// ListenPID sets LISTEN_PID in Env to the child's pid (sd_listen_fds(3)), in place where it is.
	ListenPID bool
	// Dir is the working directory.
	Dir string

	// Files are the child's descriptors: number i is our Files[i], -1 is closed; all others are closed. nil: the child
	// inherits all that are not close-on-exec, but for those in CloseFiles.
	Files      []int
	CloseFiles []int

	// Session makes the child a session leader (setsid(2)), Group the leader of a process group in our session.
	Session, Group bool
	// Terminal, if not nil, is handed to the child.
	Terminal *Terminal

	// Cgroups are open descriptors of cgroup.procs (v2) or tasks (v1) files, into each of which the child writes itself.
	Cgroups []int

	Credential   *Credential
	Capabilities *Capabilities
	// NoNewPrivileges is prctl(PR_SET_NO_NEW_PRIVS).
	NoNewPrivileges bool

	Umask       *int // three octal digits
	Nice        *int // -20 to 19: setpriority(2)
	IOPriority  *int // class<<13 | level: ioprio_set(2)
	OOMScoreAdj *int // -1000 to 1000: proc_pid_oom_score_adj(5)
	Limits      []Limit

	// SignalMask is the child's mask: bit n-1 blocks signal n.
	SignalMask uint64

	// Notify is told of every stop and continue, and last and once of the exit, in order. It runs inside Reap (or
	// inside Start, for what happened before that returned), with the reaper locked: it must neither block nor call
	// the reaper. An exit is never dropped and never early: a Notify that keeps it has it.
	Notify func(Event)
}

// Terminal is a terminal to be handed over.
type Terminal struct {
	FD         int
	Control    bool // make it the controlling terminal: needs Session (TIOCSCTTY)
	Foreground bool // make the child's process group its foreground group: needs Group or Session (tcsetpgrp(3))
}

// Credential is an identity. Groups nil leaves the supplementary groups.
type Credential struct {
	UID, GID uint32
	Groups   []uint32
}

// Capabilities are the four sets that a program starts with (capabilities(7)); bit n is capability n.
type Capabilities struct {
	Bounding, Permitted, Inheritable, Ambient uint64 // Permitted is made effective too
}

// Limit is one of setrlimit(2), e.g. unix.RLIMIT_NOFILE.
type Limit struct {
	Resource   int
	Soft, Hard uint64
}

// DefaultPath is searched when the environment has no PATH.
const DefaultPath = "/usr/local/bin:/bin:/usr/bin"

// StartError says which step of a start failed. For Step "exec" Path is what was executed last, or the bare word where
// nothing in PATH was found; for "set ulimit" Limit is the one that could not be set.
type StartError struct {
	Step  string
	Path  string
	Limit *Limit
	Errno unix.Errno
}

func (e *StartError) Error() string {
	s := e.Step
	if e.Path != "" {
		s += " " + strconv.Quote(e.Path)
	}
	return s + ": " + e.Errno.Error()
}

func (e *StartError) Unwrap() error { return e.Errno }

// NotFound reports whether there was nothing to execute: what a shell answers with 127.
func (e *StartError) NotFound() bool {
	return e.Step == stepExec.String() && notFound(e.Errno)
}

// notFound is the part of execvp's rules that says "go on searching".
//
//go:nosplit
func notFound(e unix.Errno) bool {
	return e == unix.ENOENT || e == unix.ENOTDIR
}
