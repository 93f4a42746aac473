//go:build goinit_entry && linux && (amd64 || arm64)

package pid1

import (
	"encoding/binary"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// signalStream is the same signals as sigwait's, by signalfd(2): run mode has many goroutines, and one that waits on the
// runtime's poller costs no thread and no processor.
type signalStream struct {
	file *os.File
	self uint32
}

func openSignalStream() (*signalStream, error) {
	if _, err := openSignals(); err != nil {
		return nil, err
	}
	every := ^uint64(0)
	fd, _, e := unix.Syscall6(unix.SYS_SIGNALFD4, ^uintptr(0), uintptr(unsafe.Pointer(&every)), 8, unix.SFD_NONBLOCK|unix.SFD_CLOEXEC, 0, 0)
	if e != 0 {
		return nil, os.NewSyscallError("signalfd4", e)
	}
	return &signalStream{os.NewFile(fd, "signals"), uint32(unix.Getpid())}, nil
}

// next waits for a signal. What we have sent ourselves is no news.
func (s *signalStream) next() (unix.Signal, error) {
	for {
		var info [128]byte // struct signalfd_siginfo
		if _, err := s.file.Read(info[:]); err != nil {
			return 0, err
		}
		sig, code, pid := binary.NativeEndian.Uint32(info[0:]), int32(binary.NativeEndian.Uint32(info[8:])), binary.NativeEndian.Uint32(info[12:])
		if unix.Signal(sig) == unix.SIGCHLD || code != siUser || pid != s.self {
			return unix.Signal(sig), nil
		}
	}
}
