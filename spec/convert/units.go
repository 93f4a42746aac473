package convert

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"goinit/spec"
)

// milliseconds is a duration as one writes it: 1600ms, 5s.
func milliseconds(ms float64) string {
	d := time.Duration(ms * float64(time.Millisecond))
	if d > 0 && d < time.Minute && d%time.Second != 0 {
		return fmt.Sprintf("%dms", d.Milliseconds())
	}
	return spec.Duration(d).String()
}

// signalName is SIGTERM for TERM, term, SIGTERM or 15.
func signalName(s string) (string, bool) {
	name := strings.ToUpper(strings.TrimSpace(s))
	if n, err := strconv.Atoi(name); err == nil {
		name = unix.SignalName(unix.Signal(n))
	} else if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	return name, name != "" && unix.SignalNum(name) != 0
}

// restartWindow is long enough for n restarts of a program that dies at once, which goinit puts off more and more: 100ms, doubling
// to 30s. What others count is restarts in a row; goinit counts those in a window.
func restartWindow(n int, uptime time.Duration) string {
	total, delay := time.Duration(n)*uptime, 100*time.Millisecond
	for i := 1; i < n && total < 24*time.Hour; i++ {
		total += delay
		delay = min(2*delay, 30*time.Second)
	}
	return spec.Duration(total.Truncate(time.Minute) + time.Minute).String()
}
