package health

import (
	"bytes"
	"os"

	"golang.org/x/sys/unix"
)

// newline hears of readiness as s6, dinit and nitro have it: the process writes a newline to a descriptor that it was
// given.
type newline struct {
	file  *os.File
	write int // the process's end; -1: closed here
}

func newNewline() (*newline, error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(p[0], true); err != nil {
		unix.Close(p[0])
		unix.Close(p[1])
		return nil, err
	}
	return &newline{os.NewFile(uintptr(p[0]), "readiness"), p[1]}, nil
}

// wait returns true after a newline; false if there will be none. Nothing more is read: the process has no business
// with the descriptor after that, and gets EPIPE.
func (n *newline) wait() bool {
	b := make([]byte, 64)
	for {
		got, err := n.file.Read(b)
		if bytes.IndexByte(b[:got], '\n') >= 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
}

func (n *newline) given() {
	if n.write >= 0 {
		unix.Close(n.write)
		n.write = -1
	}
}

func (n *newline) close() {
	n.given()
	n.file.Close()
}
