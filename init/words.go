package pid1

import (
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// parseSignal reads TERM, SIGTERM, 15, RTMIN+3 or RTMAX-1; glibc's numbers, where RTMIN is 34.
func parseSignal(s string) (unix.Signal, bool) {
	const rtmin, rtmax = 34, lastSignal
	if n, err := strconv.Atoi(s); err == nil {
		return unix.Signal(n), n > 0 && n <= lastSignal
	}
	name := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	if rest, ok := strings.CutPrefix(name, "RTMIN"); ok {
		n, ok := offset(rest, "+")
		return unix.Signal(rtmin + n), ok && rtmin+n <= rtmax
	}
	if rest, ok := strings.CutPrefix(name, "RTMAX"); ok {
		n, ok := offset(rest, "-")
		return unix.Signal(rtmax - n), ok && rtmax-n >= rtmin
	}
	switch name { // the second names of signal(7)
	case "IOT":
		return unix.SIGABRT, true
	case "CLD":
		return unix.SIGCHLD, true
	case "POLL":
		return unix.SIGIO, true
	}
	sig := unix.SignalNum("SIG" + name)
	return sig, sig != 0
}

// offset reads +3, or nothing.
func offset(s, sign string) (n int, ok bool) {
	if s == "" {
		return 0, true
	}
	digits, ok := strings.CutPrefix(s, sign)
	u, err := strconv.ParseUint(digits, 10, 8)
	return int(u), ok && err == nil
}

// signalName is the reverse: SIGTERM, SIGRTMIN+3.
func signalName(sig syscall.Signal) string {
	if name := unix.SignalName(sig); name != "" {
		return name
	}
	if sig >= 34 && sig <= lastSignal {
		return "SIGRTMIN+" + strconv.Itoa(int(sig)-34)
	}
	return "signal " + strconv.Itoa(int(sig))
}
