package load

import (
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
)

// add counts within a bound.
func add(counts map[string]int, key string) {
	if _, there := counts[key]; !there && len(counts) >= most {
		key = "others"
	}
	counts[key]++
}

func trim(body string) string { return strings.TrimSpace(body) }

// reason is an error without the ports, which differ each time.
func reason(err error) string {
	what, _, _ := strings.Cut(err.Error(), ":")
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		return what + ": " + errno.Error()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return what + ": it took too long"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return what + ": the connection was closed"
	}
	return err.Error()
}
