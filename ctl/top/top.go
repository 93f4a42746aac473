// Package top is a view of a running goinit that fills a terminal: a table of the workers with what they use, the log of the
// selected one, the events, and keys that have goinit do something. It is the model of a bubbletea program: Update makes the next
// state of a message, View draws it. It knows goinit only by the interface Goinit, asks it once a refresh, and keeps of all
// that it is told a bounded part, so that it may run for weeks.
//
// What somebody else wrote (names, lines of logs, messages) is made harmless before it is shown.
package top

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/sys/unix"
)

// Options are how it is shown.
type Options struct {
	Interval time.Duration // from one reading to the next
	Unicode  bool          // the terminal shows more than ASCII
	Input    io.Reader     // terminals both
	Output   io.Writer
}

// How it ends else than by the user's wish.
var (
	ErrHangup = errors.New("the terminal has gone")
	ErrView   = errors.New("the view has failed")
)

// Run shows g until the user leaves it, the terminal goes or the context ends, and puts the terminal back as it was.
func Run(ctx context.Context, g Goinit, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m, err := begin(ctx, g, o)
	if err != nil {
		return err
	}
	const framesPerSecond = 20 // nobody sees more in a table; each is a look whether anything has changed
	p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(o.Input), tea.WithOutput(o.Output), tea.WithFPS(framesPerSecond))
	hungUp := make(chan os.Signal, 1)
	signal.Notify(hungUp, unix.SIGHUP)
	defer signal.Stop(hungUp)
	gone := make(chan struct{})
	go func() {
		select {
		case <-hungUp:
			close(gone)
			p.Quit()
		case <-ctx.Done():
		}
	}()
	_, err = p.Run()
	select {
	case <-gone:
		return ErrHangup
	default:
	}
	if errors.Is(err, unix.EIO) || errors.Is(err, io.EOF) { // the terminal's other end was closed, and we are nobody's to be told
		return ErrHangup
	}
	if err != nil && !errors.Is(err, tea.ErrInterrupted) { // SIGINT: nobody wants to be told
		return fmt.Errorf("%w: %w", ErrView, err)
	}
	return nil
}

// begin asks once, so that what is wrong is said as with any other verb.
func begin(ctx context.Context, g Goinit, o Options) (*model, error) {
	first, err := g.Look(ctx, nil)
	if err != nil {
		return nil, err
	}
	m := newModel(ctx, g, first, o)
	return m, nil
}
