package reaper

import (
	"slices"
	"strings"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fork is a Command made ready for a child that may not allocate, grow its stack or call the runtime: every string ends
// in NUL, every list is an array.
type fork struct {
	command *Command

	candidates [][]byte // paths to try, as C strings
	argv, envp []*byte
	shell      []uintptr // argv of /bin/sh for a text without #!; [1] is set to the candidate by the child. Not pointers: the child must not run into a write barrier
	dir        *byte
	listenPID  []byte // the string "LISTEN_PID=…" with room for the digits
	groups     []uint32
	files      []int32 // our own descriptors, the child shuffles them
	lowest     int     // above every descriptor that the child must end up with
	bounding   []uintptr

	// Written by the kernel or the child, which shares our memory.
	//lint:ignore U1000 the portable fork does not look into it
	head   [80]byte // the start of a file that the kernel does not know
	pid    atomic.Int32
	errno  unix.Errno
	step   step
	failed int // index of the candidate, or of the list that the step goes through
}

var shellPath = &[]byte("/bin/sh\x00")[0]

// maxDigits is the length of the longest pid (pid_max is at most 2^22).
const maxDigits = 10

func newFork(c *Command) (*fork, error) {
	if len(c.Argv) == 0 {
		return nil, &StartError{Step: stepExec.String(), Errno: unix.ENOENT}
	}
	f := &fork{command: c}
	var err error
	texts := newCStrings(c)
	c0 := func(s string) *byte {
		b := texts.add(s)
		if b == nil {
			if err == nil {
				err = &StartError{Step: stepExec.String(), Path: s, Errno: unix.EINVAL} // a NUL byte within
			}
			return nil
		}
		return &b[0]
	}
	for _, path := range candidates(c.Argv[0], c.Env) {
		b, e := unix.ByteSliceFromString(path)
		if e != nil {
			return nil, &StartError{Step: stepExec.String(), Path: c.Argv[0], Errno: unix.EINVAL} // a NUL byte within
		}
		f.candidates = append(f.candidates, b)
	}
	f.argv, f.envp = make([]*byte, 0, len(c.Argv)+1), make([]*byte, 0, len(c.Env)+1)
	for _, a := range c.Argv {
		f.argv = append(f.argv, c0(a))
	}
	f.argv = append(f.argv, nil)
	f.shell = []uintptr{uintptr(unsafe.Pointer(shellPath)), 0}
	for _, a := range f.argv[1:] {
		f.shell = append(f.shell, uintptr(unsafe.Pointer(a)))
	}
	for _, kv := range c.Env {
		if c.ListenPID && f.listenPID == nil && strings.HasPrefix(kv, "LISTEN_PID=") {
			f.listenPID = append([]byte("LISTEN_PID="), make([]byte, maxDigits+1)...)
			f.envp = append(f.envp, &f.listenPID[0])
			continue
		}
		f.envp = append(f.envp, c0(kv))
	}
	f.envp = append(f.envp, nil)
	if c.Dir != "" {
		f.dir = c0(c.Dir)
	}
	if cred := c.Credential; cred != nil && cred.Groups != nil {
		f.groups = append(slices.Clone(cred.Groups), 0) // never empty: its address is taken
	}
	for i, fd := range c.Files {
		f.files = append(f.files, int32(fd))
		f.lowest = max(f.lowest, fd+1, i+1)
	}
	if caps := c.Capabilities; caps != nil {
		for n := range uintptr(64) {
			held, e := unix.PrctlRetInt(unix.PR_CAPBSET_READ, n, 0, 0, 0)
			if e != nil {
				break // beyond the kernel's last capability
			}
			if held == 1 && caps.Bounding>>n&1 == 0 { // to drop what is not there wants SETPCAP as well
				f.bounding = append(f.bounding, n)
			}
		}
	}
	return f, err
}

// err makes the failure that the child left behind an error.
func (f *fork) err() error {
	if f.errno == 0 {
		return nil
	}
	e := &StartError{Step: f.step.String(), Errno: f.errno}
	switch f.step {
	case stepExec:
		b := f.candidates[f.failed]
		if word := f.command.Argv[0]; notFound(f.errno) && !strings.Contains(word, "/") {
			e.Path = f.command.Argv[0]
		} else {
			e.Path = string(b[:len(b)-1])
		}
	case stepDir:
		e.Path = f.command.Dir
	case stepLimit:
		e.Limit = &f.command.Limits[f.failed]
	}
	return e
}
