package supervise

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// ParseSignal understands SIGTERM, TERM, 15, SIGRTMIN+3 and RTMAX-1.
func ParseSignal(name string) (syscall.Signal, error) {
	short := strings.TrimPrefix(strings.ToUpper(name), "SIG")
	if n, err := strconv.Atoi(short); err == nil && n > 0 && n <= 64 {
		return syscall.Signal(n), nil
	}
	if n := unix.SignalNum("SIG" + short); n != 0 {
		return n, nil
	}
	for prefix, base := range map[string]int{"RTMIN": 34, "RTMAX": 64} { // signal(7), as glibc counts
		if rest, ok := strings.CutPrefix(short, prefix); ok {
			n, err := 0, error(nil)
			if rest != "" {
				n, err = strconv.Atoi(rest)
			}
			if err == nil && base+n >= 34 && base+n <= 64 {
				return syscall.Signal(base + n), nil
			}
		}
	}
	return 0, fmt.Errorf("%w: there is no signal %q (signal(7))", ErrInvalid, name)
}

// signalName is SIGKILL for 9, and SIGRTMIN+3 for 37.
func signalName(sig syscall.Signal) string {
	if name := unix.SignalName(sig); name != "" {
		return name
	}
	if sig >= 34 {
		return "SIGRTMIN+" + strconv.Itoa(int(sig)-34)
	}
	return strconv.Itoa(int(sig))
}
