package health

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"
)

// notification is a datagram of sd_notify(3), understood. What is not known, or makes no sense, is left out, as its
// manual says.
type notification struct {
	Ready, Reloading, Stopping bool
	Alive                      bool          // WATCHDOG=1
	Trigger                    bool          // WATCHDOG=trigger
	Status                     string        // printable, one line
	HasStatus                  bool          // an empty one takes the last one back
	Errno                      int           // 0: none
	MainPID                    int           // 0: none
	Extend                     time.Duration // EXTEND_TIMEOUT_USEC; 0: none
	Watchdog                   time.Duration // WATCHDOG_USEC; 0: none
}

// maxNotification is what systemd takes (NOTIFY_BUFFER_MAX, PIPE_BUF).
const maxNotification = 4096

// maxStatus is how much of a STATUS is kept, in bytes.
const maxStatus = 512

// parseNotification reads lines of NAME=value.
func parseNotification(b []byte) (n notification) {
	for line := range bytes.SplitSeq(b, []byte{'\n'}) {
		name, text, ok := bytes.Cut(line, []byte{'='})
		if !ok {
			continue
		}
		value := string(text)
		switch string(name) {
		case "READY":
			n.Ready = value == "1"
		case "RELOADING":
			n.Reloading = value == "1"
		case "STOPPING":
			n.Stopping = value == "1"
		case "WATCHDOG":
			n.Alive, n.Trigger = value == "1", value == "trigger"
		case "STATUS":
			n.Status, n.HasStatus = oneLine(text), true
		case "ERRNO":
			n.Errno = int(number(value, 4095)) // MAX_ERRNO of the kernel
		case "MAINPID":
			n.MainPID = int(number(value, 1<<22)) // PID_MAX_LIMIT of proc(5)
		case "EXTEND_TIMEOUT_USEC":
			n.Extend = microseconds(value)
		case "WATCHDOG_USEC":
			n.Watchdog = microseconds(value)
		}
	}
	if n.Ready { // of both, the later state: systemd's order
		n.Reloading = false
	}
	return n
}

// number is a positive one up to most, else 0.
func number(s string, most uint64) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n > most {
		return 0
	}
	return n
}

func microseconds(s string) time.Duration {
	return time.Duration(number(s, math.MaxInt64/1000)) * time.Microsecond
}

// oneLine is text that can be shown in a table.
func oneLine(b []byte) string {
	s := strings.ReplaceAll(printable(b), "\n", " ")
	if len(s) > maxStatus {
		s = strings.ToValidUTF8(s[:maxStatus], "")
	}
	return s
}
