//go:build goinit_entry && linux && (amd64 || arm64)

//lint:file-ignore U1000 the assembly uses what looks unused

package entry

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

// Written by the stub, before the runtime is alive.
var (
	startBlock   *uintptr // the initial stack: argc, argv, NULL, envp, NULL, auxv (System V ABI)
	maskAtExec   uint64
	nofileAtExec Limit
	closedAtExec uint64
)

// Read by the stub. Bit n-1 stands for signal n.
var (
	everySignal    uint64 = 1<<64 - 1
	rootPath              = [...]byte{'/', 0}
	runtimeSetting        = [...]byte{'G', 'O', 'M', 'A', 'X', 'P', 'R', 'O', 'C', 'S', '=', '1', 0}
)

// Used by faultHandler.
var (
	faults         uint64  // signals sent to us by somebody, not yet taken
	runtimeHandler uintptr // where the runtime wants its own faults
)

func faultHandler()

func faultEntry() uintptr // the address of faultHandler

// Active reports whether the stub ran.
func Active() bool { return startBlock != nil }

// Mask is the signal mask that goinit was executed with; bit n-1 stands for signal n.
func Mask() uint64 { return maskAtExec }

// NoFile is RLIMIT_NOFILE as it was at exec, before package syscall raised it.
func NoFile() Limit { return nofileAtExec }

// ClosedStdio says which standard descriptors were closed at exec.
func ClosedStdio() Stdio { return Stdio(closedAtExec) }

// Environ is the environment as the kernel gave it: in order, with duplicates and with entries that hold no "=".
func Environ() []string {
	if startBlock == nil {
		return syscall.Environ()
	}
	word := func(i int) *uintptr {
		return (*uintptr)(unsafe.Add(unsafe.Pointer(startBlock), uintptr(i)*unsafe.Sizeof(uintptr(0))))
	}
	first := int(*word(0)) + 2 // argc itself, argv, NULL
	n := 0
	for *word(first + n) != 0 {
		n++
	}
	env := make([]string, n)
	for i := range env {
		// The block is the kernel's, outside the Go heap: read the word as the pointer that it is.
		p := *(**byte)(unsafe.Pointer(word(first + i)))
		length := 0
		for *(*byte)(unsafe.Add(unsafe.Pointer(p), length)) != 0 {
			length++
		}
		env[i] = unsafe.String(p, length)
	}
	return env
}

// CatchFaults puts a handler in front of the runtime's for BUS, FPE and SEGV: a fault of our own goes to the runtime
// (and is a panic), one that somebody sent is noted for TakeFaults and announced by a SIGCHLD to ourselves, which the
// reader of signals waits for anyway.
func CatchFaults() error {
	for _, sig := range [...]syscall.Signal{syscall.SIGBUS, syscall.SIGFPE, syscall.SIGSEGV} {
		var act struct { // struct sigaction of the kernel, not of libc: rt_sigaction(2)
			handler, flags, restorer uintptr
			mask                     uint64
		}
		_, _, e := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), 0, uintptr(unsafe.Pointer(&act)), 8, 0, 0)
		if e != 0 {
			return e
		}
		runtimeHandler = act.handler
		act.handler = faultEntry()
		_, _, e = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&act)), 0, 8, 0, 0)
		if e != 0 {
			return e
		}
	}
	return nil
}

// TakeFaults returns the fault signals that were sent to us since the last call; bit n-1 stands for signal n.
func TakeFaults() uint64 { return atomic.SwapUint64(&faults, 0) }
