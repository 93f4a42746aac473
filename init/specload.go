package pid1

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"goinit/reaper"
	"goinit/signame"
	"goinit/spec"

	"golang.org/x/sys/unix"
)

// interruption is a signal that came while there was nothing to stop yet.
type interruption unix.Signal

func (i interruption) Error() string {
	return signame.Of(unix.Signal(i)) + " came before anything was started"
}

// readSpec finds and reads the spec; a signal that asks for the end ends that.
func (r *runner) readSpec(arrivals *mailbox) (*spec.Spec, error) {
	r.reader = &specReader{reaper: r.reaper, env: r.env, lookup: r.getenv}
	r.reader.null, r.reader.noNull = openNull(unix.O_RDONLY)
	r.specPath = r.options.file
	if r.specPath == "" && !r.options.empty {
		path, looked, err := findSpec(r.role == reaper.PID1, r.getenv)
		if err != nil {
			return nil, err
		}
		if path == "" && r.options.main == nil && !exists(r.savedPath()) {
			return nil, errors.New("there is no spec to run\n  looked for: " + strings.Join(looked, ", ") +
				"\n  a first one: goinit ctl init --minimal > goinit.yaml      none: goinit run --empty, and goinit ctl add")
		}
		r.specPath = path
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	type result struct {
		s   *spec.Spec
		err error
	}
	done := make(chan result, 1)
	go func() {
		s, err := r.load(ctx, nil)
		done <- result{s, err}
	}()
	for {
		select {
		case <-arrivals.wake:
			for _, sig := range arrivals.take() {
				switch meaningOf(sig, hasTerminal()) {
				case meansStop:
					cancel(interruption(sig))
				case meansApply:
					say("goinit: SIGHUP is ignored: the spec is being read")
				}
			}
		case got := <-done:
			return got.s, got.err
		}
	}
}

// noApps is the spec of goinit run -- CMD, and of run --empty, where there is none.
func noApps() *spec.Spec {
	return &spec.Spec{Version: 1, Messages: spec.Messages{Level: "info", Format: "auto"}, LogStore: spec.LogStore{Directory: "auto"}}
}

// leaveOut leaves of a spec what run APP asks for; without that, all of it.
func (r *runner) leaveOut(s *spec.Spec) error {
	if len(r.options.part) == 0 {
		return nil
	}
	kept, left, err := subset(s, r.options.part)
	if err != nil {
		return err
	}
	asleep := slices.DeleteFunc(left, func(a spec.App) bool { return !slices.Contains(s.Guests, a.Name) })
	r.asleep.Store(&asleep)
	s.Apps = kept
	return nil
}

// load is the spec as it is to be run: compiled already, or read from its file; with the command of run -- CMD.
func (r *runner) load(ctx context.Context, compiled []byte) (s *spec.Spec, err error) {
	switch {
	case compiled != nil:
		s, err = spec.Load(compiled, r.getenv)
	case r.specPath == "":
		s = noApps()
	default:
		s, err = r.reader.read(ctx, r.specPath)
	}
	if err != nil {
		return nil, err
	}
	r.watchAll(s.Apps)
	if err := r.withSaved(s); err != nil {
		return nil, err
	}
	if err := r.leaveOut(s); err != nil {
		return nil, err
	}
	if r.options.main != nil {
		a := mainApp(r.options.main)
		for _, other := range s.Apps {
			if other.Name == a.Name {
				return nil, fmt.Errorf("run -- %s: the spec has an app %q already", r.options.main[0], a.Name)
			}
		}
		s.Apps, s.Guests = append(s.Apps, a), append(s.Guests, a.Name)
		r.watchAll(s.Apps[len(s.Apps)-1:])
	}
	if len(s.Apps) == 0 && !r.options.empty {
		return nil, fmt.Errorf("%s has no apps", r.specPath)
	}
	return s, nil
}
