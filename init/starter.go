package pid1

import (
	"errors"
	"strings"

	"goinit/reaper"
	"goinit/spec"
	"goinit/supervise"
	"goinit/supervise/launch"
)

// startsAtOnce is how many workers are started at the same time. A start reads files and holds a thread from the fork to
// the exec: more of them would want more threads, and PID 1 makes none after its boot.
const startsAtOnce = 2

// starter bounds the starts of the launcher, and says of a failed one what a person can do about it.
type starter struct {
	launcher *launch.Starter
	room     chan struct{}
}

func newStarter(l *launch.Starter) *starter {
	return &starter{l, make(chan struct{}, startsAtOnce)}
}

// enter waits for room to start something; leave gives it to the next.
func (s *starter) enter() (leave func()) {
	s.room <- struct{}{}
	return func() { <-s.room }
}

// Start is the supervisor's Starter.
func (s *starter) Start(w supervise.Work, told supervise.Told) (supervise.Process, error) {
	defer s.enter()()
	p, err := s.launcher.Start(w, told)
	var failed *reaper.StartError
	if errors.As(err, &failed) {
		c, err := s.launcher.Command(w)
		if err != nil {
			return nil, err
		}
		return nil, &startError{failed, strings.TrimPrefix(explainStart(failed, c), "cannot start ")}
	}
	return p, err
}

// What a supervise.Groups does is the launcher's.

func (s *starter) Update(a *spec.App) error                     { return s.launcher.Update(a) }
func (s *starter) AppUsage(app string) (supervise.Usage, error) { return s.launcher.AppUsage(app) }
func (s *starter) Forget(app string)                            { s.launcher.Forget(app) }

// Beside is the supervisor's, for programs beside workers.
func (s *starter) Beside(w supervise.Work, argv, environment []string, told supervise.Told) (supervise.Process, error) {
	defer s.enter()()
	return s.launcher.Beside(w, argv, environment, told)
}

// startError is a StartError in a person's words.
type startError struct {
	*reaper.StartError
	text string
}

func (e *startError) Error() string { return e.text }
