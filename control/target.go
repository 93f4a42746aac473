package control

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// String is the target as a word: web, or web/0.
func (t Target) String() string {
	if t.Slot == WholeApp {
		return t.App
	}
	return t.App + "/" + strconv.Itoa(t.Slot)
}

// targets finds what words name: an app (web), a worker (web/1), a tag (@frontend), the main pid of a worker, all.
// Each is in the answer once; what is part of another as well.
func (s *Snapshot) targets(words []string) ([]Target, error) {
	var found []Target
	for _, w := range words {
		t, err := s.target(w)
		if err != nil {
			return nil, err
		}
		for _, t := range t {
			if !slices.Contains(found, t) {
				found = append(found, t)
			}
		}
	}
	return slices.DeleteFunc(found, func(t Target) bool {
		return t.Slot != WholeApp && slices.Contains(found, Target{t.App, WholeApp})
	}), nil
}

// subjects are targets that somebody may act on: not what is goinit's own.
func (s *Snapshot) subjects(words []string) ([]Target, error) {
	found, err := s.targets(words)
	for _, t := range found {
		if a := s.app(t.App); a != nil && a.Own {
			return nil, Errorf(NotAvailable, "%s is goinit's own, and what the spec's gateway: says: change that, and goinit ctl apply", a.Name)
		}
	}
	return found, err
}

func (s *Snapshot) target(word string) ([]Target, error) {
	if word == "all" {
		return s.apps(func(a *App) bool { return !a.Own }), nil
	}
	if tag, ok := strings.CutPrefix(word, "@"); ok {
		found := s.apps(func(a *App) bool { return a.Spec != nil && slices.Contains(a.Spec.Tags, tag) })
		if len(found) == 0 {
			return nil, noTarget(word, "no app has the tag %q", clip(tag))
		}
		return found, nil
	}
	if pid, err := strconv.Atoi(word); err == nil {
		return s.byPID(word, pid)
	}
	name, slot, isWorker := strings.Cut(word, "/")
	a := s.app(name)
	if a == nil {
		return nil, noTarget(word, "no app %q; there %s", clip(name), s.names())
	}
	if !isWorker {
		return []Target{{a.Name, WholeApp}}, nil
	}
	n, err := strconv.Atoi(slot)
	for _, w := range a.Workers {
		if err == nil && w.Slot != nil && *w.Slot == n {
			return []Target{{a.Name, n}}, nil
		}
	}
	return nil, noTarget(word, "no worker %q; %s has %s", clip(word), a.Name, a.workerNames())
}

func (s *Snapshot) byPID(word string, pid int) ([]Target, error) {
	workers := 0
	for _, a := range s.Apps {
		for _, w := range a.Workers {
			if w.PID != nil && *w.PID == pid && w.Slot != nil {
				return []Target{{a.Name, *w.Slot}}, nil
			}
			workers++
		}
	}
	if pid >= 0 && pid <= workers { // what PM2 would have numbered
		return nil, noTarget(word, "no worker %q; goinit has names, not PM2's numbers: %s, or all", word, s.workerNames())
	}
	return nil, noTarget(word, "no worker has the pid %s; there %s", clip(word), s.names())
}

func noTarget(word, format string, args ...any) error {
	e := Errorf(NoSuchTarget, format, args...)
	e.Target = clip(word)
	return e
}

func (s *Snapshot) apps(want func(*App) bool) []Target {
	var found []Target
	for i := range s.Apps {
		if want(&s.Apps[i]) {
			found = append(found, Target{s.Apps[i].Name, WholeApp})
		}
	}
	return found
}

func (s *Snapshot) app(name string) *App {
	for i := range s.Apps {
		if s.Apps[i].Name == name {
			return &s.Apps[i]
		}
	}
	return nil
}

// rows are what ps lists: a row a worker, one for an app without any.
func (a *App) rows() []Worker {
	if len(a.Workers) > 0 {
		return a.Workers
	}
	return []Worker{{App: a.Name, State: a.State, StateSince: a.Since}}
}

// rows are those of targets, in the order of the spec; of all apps if there are none.
func (s *Snapshot) rows(targets []Target) iter.Seq[Worker] {
	return func(yield func(Worker) bool) {
		for i := range s.Apps {
			a := &s.Apps[i]
			for _, w := range a.rows() {
				t := Target{a.Name, WholeApp}
				if w.Slot != nil {
					t.Slot = *w.Slot
				}
				if wanted(targets, t) && !yield(w) {
					return
				}
			}
		}
	}
}

// selected are rows as a list.
func (s *Snapshot) selected(targets []Target) []Worker { return slices.Collect(s.rows(targets)) }

// alone leaves out who is about to replace another, or was replaced.
func alone(rows []Worker) []Worker {
	return slices.DeleteFunc(slices.Clone(rows), func(w Worker) bool { return w.Beside })
}

// wanted says whether something is among targets, itself or as a part of its app; without any, everything is.
func wanted(targets []Target, t Target) bool {
	return len(targets) == 0 || slices.Contains(targets, t) || slices.Contains(targets, Target{t.App, WholeApp})
}

const namesInMessage = 8

func (s *Snapshot) names() string {
	var names []string
	for _, a := range s.Apps {
		if !a.Own {
			names = append(names, a.Name)
		}
	}
	switch len(names) {
	case 0:
		return "are no apps"
	case 1:
		return "is " + names[0]
	}
	return "are " + few(names)
}

func (s *Snapshot) workerNames() string {
	var names []string
	for i := range s.Apps {
		if s.Apps[i].Own {
			continue
		}
		for _, w := range alone(s.Apps[i].Workers) {
			names = append(names, w.Name())
		}
	}
	return few(names)
}

func (a *App) workerNames() string {
	if len(a.Workers) == 0 {
		return "none"
	}
	var names []string
	for _, w := range alone(a.Workers) {
		names = append(names, w.Name())
	}
	return few(names)
}

func few(names []string) string {
	if len(names) > namesInMessage {
		return strings.Join(names[:namesInMessage], " ") + fmt.Sprintf(" and %d more", len(names)-namesInMessage)
	}
	return strings.Join(names, " ")
}
