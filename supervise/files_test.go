package supervise

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goinit/spec"
)

// editor is a Files of which a test says what has changed.
type editor struct {
	mu   sync.Mutex
	told map[string]func(FileNews)
}

type editorWatch struct {
	e    *editor
	name string
}

func (e *editor) Open(a *spec.App, told func(FileNews)) FileWatch {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.told[a.Name] = told
	return editorWatch{e, a.Name}
}

func (w editorWatch) Given(g Given) Given {
	g.Environment = append(g.Environment, "NODE_CHANNEL_FD=3")
	return g
}

func (w editorWatch) Close() {
	w.e.mu.Lock()
	defer w.e.mu.Unlock()
	delete(w.e.told, w.name)
}

func (e *editor) edit(app, path string) {
	e.mu.Lock()
	told := e.told[app]
	e.mu.Unlock()
	if told != nil {
		told(FileNews{Path: path})
	}
	synctest.Wait()
}

func files(action string) func(*spec.App) {
	return func(a *spec.App) { a.Watch = spec.NewWatch(); a.Watch.Action = action }
}

func edited(t *testing.T, f func() *fake, apps []spec.App, test func(s *Supervisor, e *editor, f *fake)) {
	t.Helper()
	e := &editor{told: map[string]func(FileNews){}}
	bubbleWith(t, f, Config{Spec: &spec.Spec{Apps: apps}, Files: e}, func(s *Supervisor, f *fake, _ <-chan Outcome) { test(s, e, f) })
}

func generations(s *Supervisor) string {
	var all []string
	for _, w := range s.Snapshot() {
		reason := ""
		if w.LastExit != nil {
			reason = " " + w.LastExit.Reason
		}
		all = append(all, fmt.Sprintf("%s/%d#%d%s", w.App, *w.Slot, w.Generation, reason))
	}
	return strings.Join(all, ", ")
}

// reload replaces one worker after another, restart all at once; each once, and nobody else.
func TestChangedFilesReplaceWorkers(t *testing.T) {
	slow := func() *fake {
		f := newFake()
		f.behave = func(p *fakeProcess) {
			<-p.signals
			time.Sleep(3 * time.Second)
			p.exit(Exit{})
		}
		return f
	}
	apps := []spec.App{appOf("web", files("reload"), workers(2)), appOf("api", files("restart"), workers(2)), appOf("db")}
	edited(t, slow, apps, func(s *Supervisor, e *editor, f *fake) {
		if got := f.given["web/0"].Environment; len(got) != 1 || f.given["db/0"].Environment != nil {
			t.Errorf("web/0 was given %q, db/0 %q", got, f.given["db/0"].Environment)
		}
		time.Sleep(10 * time.Second)
		e.edit("web", "a.js")
		expect(t, "the first's turn", states(s), "web/0 stopping, web/1 running, api/0 running, api/1 running, db/0 running")
		e.edit("web", "b.js") // the second one's has not come yet: it is not replaced twice
		time.Sleep(10 * time.Second)
		expect(t, "each once", generations(s), "web/0#2 replaced, web/1#2 replaced, api/0#1, api/1#1, db/0#1")
		e.edit("api", "c.js")
		expect(t, "all at once", states(s), "web/0 running, web/1 running, api/0 stopping, api/1 stopping, db/0 running")
		time.Sleep(10 * time.Second)
		expect(t, "both again", generations(s), "web/0#2 replaced, web/1#2 replaced, api/0#2 replaced, api/1#2 replaced, db/0#1")
		if _, err := s.Do(context.Background(), Remove{App: "api"}); err != nil {
			t.Error(err)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if len(e.told) != 1 {
			t.Errorf("%d apps are watched", len(e.told))
		}
	})
}

// Who has failed is started at once when its files change, and who was stopped is not.
func TestChangedFilesGiveAnotherChance(t *testing.T) {
	crashing := func() *fake {
		f := newFake()
		f.behave = func(p *fakeProcess) {
			if strings.HasPrefix(p.worker, "web") {
				time.Sleep(10 * time.Millisecond)
				p.exit(Exit{Code: 1})
				return
			}
			p.untilTerm()
		}
		return f
	}
	never := func(a *spec.App) { a.Restart.Policy, a.OnFailure = "no", "ignore" }
	apps := []spec.App{appOf("web", files("reload")), appOf("web2", files("reload"), never), appOf("api", files("reload"))}
	edited(t, crashing, apps, func(s *Supervisor, e *editor, f *fake) {
		time.Sleep(20 * time.Second)
		expect(t, "it fails", states(s), "web/0 backoff, web2/0 failed, api/0 running")
		before := s.Snapshot()[0].Generation
		e.edit("web", "a.js")
		e.edit("web2", "a.js")
		time.Sleep(5 * time.Millisecond)
		expect(t, "at once", states(s), "web/0 running, web2/0 running, api/0 running")
		expect(t, "once", s.Snapshot()[0].Generation, before+1)
		for _, name := range []string{"api", "web"} {
			if _, err := s.Do(context.Background(), Stop{Targets: []string{name}}); err != nil {
				t.Error(err)
			}
			e.edit(name, "a.js")
			time.Sleep(time.Minute)
		}
		expect(t, "stopped by request", states(s), "web/0 stopped, web2/0 failed, api/0 stopped")
	})
}

func TestFilesWithoutAnybodyToWatch(t *testing.T) {
	if _, err := New(Config{Spec: &spec.Spec{Apps: []spec.App{appOf("web", files("reload"))}}, Starter: newFake()}); !errors.Is(err, ErrInvalid) {
		t.Errorf("without Files: %v", err)
	}
}
