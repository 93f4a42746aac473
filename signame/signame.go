// Package signame is the names of signals, as kill(1) and signal(7) have them, with the real-time signals numbered as the C
// library counts them: SIGRTMIN is 34, for 32 and 33 are the library's own. Everybody who reads or writes a signal's name does
// it here.
package signame

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// First and last of the real-time signals (signal(7)).
const (
	RTMin = unix.Signal(34)
	RTMax = unix.Signal(64)
)

// Parse reads TERM, SIGTERM, 15, RTMIN+3 and RTMAX-1, in letters of either case.
func Parse(s string) (unix.Signal, bool) {
	if n, err := strconv.Atoi(s); err == nil {
		return unix.Signal(n), n > 0 && n <= int(RTMax)
	}
	name := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	if rest, ok := strings.CutPrefix(name, "RTMIN"); ok {
		n, ok := offset(rest, "+")
		return RTMin + n, ok && RTMin+n <= RTMax
	}
	if rest, ok := strings.CutPrefix(name, "RTMAX"); ok {
		n, ok := offset(rest, "-")
		return RTMax - n, ok && RTMax-n >= RTMin
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
func offset(s, sign string) (n unix.Signal, ok bool) {
	if s == "" {
		return 0, true
	}
	digits, ok := strings.CutPrefix(s, sign)
	u, err := strconv.ParseUint(digits, 10, 8)
	return unix.Signal(u), ok && err == nil
}

// Of is the reverse: SIGTERM, SIGRTMIN+3. What has no name is "signal 32".
func Of(sig unix.Signal) string {
	if name := unix.SignalName(sig); name != "" {
		return name
	}
	if sig >= RTMin && sig <= RTMax {
		return "SIGRTMIN+" + strconv.Itoa(int(sig-RTMin))
	}
	return "signal " + strconv.Itoa(int(sig))
}
