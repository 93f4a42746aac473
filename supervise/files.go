package supervise

import (
	"goinit/spec"
	"goinit/supervise/app"
)

// Files watches the files that apps are made of.
type Files interface {
	// Open begins to watch those of an app with watch:, and returns at once. told may be called from any goroutine; it
	// neither blocks nor calls back.
	Open(a *spec.App, told func(FileNews)) FileWatch
}

// FileWatch is the watch of one app's files, for as long as goinit has the app. Its methods do not block.
type FileWatch interface {
	// Given adds, to what a worker's process is given, what it needs to tell which files it has loaded.
	Given(Given) Given
	Close()
}

// FileNews is what there is to tell. One of Path and Err may be set; with neither, all is watched from here on.
type FileNews struct {
	Path        string // of the first that has changed
	Directories int    // that are watched
	Err         error  // something cannot be watched; the second line is the remedy
}

// filesChanged is no event of the machine: the owner makes one for each of its workers out of it.
const filesChanged = app.Kind(254)

// openFiles begins to watch the app's files.
func (o *owner) openFiles() {
	a := o.spec.Load()
	if !a.Watch.On() {
		return
	}
	o.files = o.supervisor.config.Files.Open(a, func(n FileNews) {
		switch {
		case n.Err != nil:
			o.supervisor.publish(Event{Type: "app.watch-failed", App: o.name, Data: map[string]any{"error": n.Err.Error()}})
		case n.Path == "":
			o.supervisor.publish(Event{Type: "app.watching", App: o.name, Data: map[string]any{"directories": n.Directories}})
		default:
			o.inbox.fact(app.Event{Kind: filesChanged, Slot: app.AllSlots, Detail: n.Path})
		}
	})
}

// given adds what the watch of files has to give to a worker.
func (o *owner) given(w *Work) {
	if o.files != nil {
		w.Given = o.files.Given(w.Given)
	}
}

// changed replaces the workers that run what is not so any more. Those that run wait for their turn, unless all at once is
// asked for. One that has failed, or is on its way to do it again, has a new chance at once: that is what somebody has edited
// the file for. What was stopped by request stays so.
func (o *owner) changed(path string) {
	action := o.spec.Load().Watch.Action
	var events []app.Event
	for i := range o.state.Slots {
		s := &o.state.Slots[i]
		e := app.Event{Kind: app.AskRestart, Slot: s.Number, Generation: s.Generation, Detail: "changed: " + path}
		switch s.State {
		case app.Running, app.Paused:
			if action == "reload" || s.State == app.Paused {
				e.Kind = app.Recycle
			}
		case app.Starting, app.Backoff, app.Completed, app.Failed:
		case app.Stopping:
			if s.Next != app.ByPolicy {
				continue // what comes next, comes with the change
			}
		default:
			continue
		}
		events = append(events, e)
	}
	if o.state.Down || o.state.Closing {
		events = nil
	}
	o.supervisor.publish(Event{Type: "app.changed", App: o.name, Data: map[string]any{"path": path, "action": action, "workers": len(events)}})
	for _, e := range events {
		o.step(e)
	}
}
