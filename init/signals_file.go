//go:build goinit_entry && linux && (amd64 || arm64)

package pid1

import (
	"encoding/binary"
	"os"
	"unsafe"

	"goinit/signame"

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
	// Workers begin with what a program expects, whatever our own parent has made of it (nohup, a careless runtime). Of ours
	// all are blocked: a disposition is nothing to us.
	for sig := unix.Signal(1); sig <= signame.RTMax; sig++ {
		if ignored(sig) {
			_ = setDefault(sig)
		}
	}
	every := ^uint64(0)
	fd, _, e := unix.Syscall6(unix.SYS_SIGNALFD4, ^uintptr(0), uintptr(unsafe.Pointer(&every)), 8, unix.SFD_NONBLOCK|unix.SFD_CLOEXEC, 0, 0)
	if e != 0 {
		return nil, os.NewSyscallError("signalfd4", e)
	}
	return &signalStream{os.NewFile(fd, "signals"), uint32(unix.Getpid())}, nil
}

// next waits for signals. The kernel hands out the lowest number first: taken one by one, a storm of SIGUSR1 would starve
// SIGTERM. What we have sent ourselves is no news.
func (s *signalStream) next() (all []unix.Signal, err error) {
	const size, many = 128, 64 // struct signalfd_siginfo
	var info [size * many]byte
	for len(all) == 0 {
		n, err := s.file.Read(info[:])
		if err != nil {
			return nil, err
		}
		for one := info[:n]; len(one) >= size; one = one[size:] {
			sig := unix.Signal(binary.NativeEndian.Uint32(one[0:]))
			code, pid := int32(binary.NativeEndian.Uint32(one[8:])), binary.NativeEndian.Uint32(one[12:])
			if sig == unix.SIGCHLD || code != siUser || pid != s.self {
				all = append(all, sig)
			}
		}
	}
	return all, nil
}

// ignored reports whether a signal's disposition is to be ignored.
func ignored(sig unix.Signal) bool {
	const sigIgn = 1
	var act [4]uint64
	_, _, e := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), 0, uintptr(unsafe.Pointer(&act)), 8, 0, 0)
	return e == 0 && act[0] == sigIgn
}
