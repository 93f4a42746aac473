package control

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// SignalRequest sends a signal to main processes.
type SignalRequest struct {
	OrderRequest
	Signal string `json:"signal"` // TERM, SIGTERM, 15, RTMIN+3
}

func signal(c *call, r SignalRequest) (OrderReply, error) {
	n, ok := ParseSignal(r.Signal)
	if !ok {
		return OrderReply{}, invalid("signal", "signal: there is no signal %q", clip(r.Signal))
	}
	return order(c, r.OrderRequest, func(o Order) Command { return Signal{o, n} })
}

// ParseSignal reads TERM, SIGTERM, 15, RTMIN+3 and RTMAX-1; glibc's numbers, where RTMIN is 34.
func ParseSignal(s string) (n int, ok bool) {
	const rtmin, last = 34, 64
	if n, err := strconv.Atoi(s); err == nil {
		return n, n > 0 && n <= last
	}
	name := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	for _, base := range []struct {
		name string
		from int
		sign string
	}{{"RTMIN", rtmin, "+"}, {"RTMAX", last, "-"}} {
		rest, ok := strings.CutPrefix(name, base.name)
		if !ok {
			continue
		}
		off, err := strconv.Atoi("0" + strings.TrimPrefix(rest, base.sign))
		if base.sign == "-" {
			off = -off
		}
		n := base.from + off
		return n, err == nil && n >= rtmin && n <= last
	}
	n = int(unix.SignalNum("SIG" + name))
	return n, n != 0
}
