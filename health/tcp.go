package health

import (
	"context"
	"time"
)

// TCP is a probe that connects, and hangs up.
type TCP struct {
	aim  aim
	text string
}

// NewTCP reads an address: ":6379", "127.0.0.1:6379", "[::1]:6379".
func NewTCP(address string) (*TCP, error) {
	a, err := parseAim(address)
	if err != nil {
		return nil, err
	}
	return &TCP{a, address}, nil
}

func (p *TCP) check(ctx context.Context, deadline time.Time) *Failure {
	began := time.Now()
	c, err := p.aim.dial(ctx, deadline)
	if err != nil {
		return &Failure{Why: "connect to " + p.text + ": " + connectReason(err, deadline.Sub(began)), ours: isOwn(err)}
	}
	c.close()
	return nil
}

func connectReason(err error, limit time.Duration) string {
	if timedOut(err) {
		return "no connection within " + words(limit)
	}
	return reason(err)
}

// words is a duration as people write it: 3s, not 3.000000001s.
func words(d time.Duration) string { return d.Round(time.Millisecond).String() }
