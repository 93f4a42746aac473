package top

import (
	"context"
	"time"

	"goinit/control"
)

// Goinit is what the view asks, and has do something. Its calls may come from several goroutines; each ends with its context.
// An error's text is shown as it is: it is harmless, and says what to do.
type Goinit interface {
	// Look is one reading. Of the workers named in details it tells what only Stats knows, where they are still there.
	Look(ctx context.Context, details []string) (Reading, error)
	// Events hands over what happens after since, until the connection or the context ends.
	Events(ctx context.Context, since time.Time, show func(control.Event)) error
	// Logs hands over the last lines of a worker or an app, and goes on. Lines are harmless.
	Logs(ctx context.Context, target string, show func(line string)) error
	// Order has something done and waits for the outcome, which is told in a line or two.
	Order(ctx context.Context, o Order) (outcome string, err error)
}

// Reading is what goinit said at one moment.
type Reading struct {
	At      time.Time // here, when the answer was there
	Info    control.Info
	Workers []control.Worker
	Stats   []control.Stats // of some of the workers
}

// Order is what a key asks for.
type Order struct {
	Verb    string // start, stop, restart, reload, pause, resume, signal, scale
	Target  string // web, web/1
	Signal  string // of signal
	Workers int    // of scale: how many there are to be
}
