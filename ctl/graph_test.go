package ctl

import (
	"strings"
	"testing"

	"goinit/control"
	"goinit/spec"
)

// A graph with a diamond, an optional dependency that is not there, and one that is waited for.
func TestGraphIsDrawn(t *testing.T) {
	app := func(name, state string, ready bool, waits []string, on ...spec.Dependency) control.Description {
		w := name + "/0"
		return control.Description{App: name, WaitsFor: waits, Spec: &spec.App{Name: name, DependsOn: on},
			Workers: []control.Worker{{App: name, Worker: &w, State: control.State(state), Ready: ready}}}
	}
	need := func(app, condition string) spec.Dependency {
		return spec.Dependency{App: app, Condition: condition, Required: true}
	}
	g := graph{nodes: map[string]*node{}}
	web := app("web", "waiting", false, []string{"api: ready (starting)"}, need("api", "ready"), spec.Dependency{App: "cache", Condition: "ready"})
	w1 := "web/1"
	web.Workers = append(web.Workers, control.Worker{App: "web", Worker: &w1, State: control.Waiting})
	for _, d := range []control.Description{
		web,
		app("api", "starting", false, nil, need("db", "ready"), need("migrate", "completed")),
		app("migrate", "completed", false, nil, need("db", "started")),
		app("db", "running", true, nil, need("disk", "completed")),
		app("disk", "completed", false, nil),
		app("log", "running", false, nil, spec.Dependency{App: "db", Condition: "ready", Required: true, Restart: true}),
	} {
		g.add(&d)
	}
	roots, err := g.roots([]string{"all"})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	s := &session{world: &world{stdout: &out}}
	if err := s.tree(roots); err != nil {
		t.Fatal(err)
	}
	const want = `web waiting, 0 of 2 ready
├─ api starting (ready)  ← waited for
│  ├─ db running (ready)
│  │  └─ disk completed (completed)
│  └─ migrate completed (completed)
│     └─ db running (started)
│        └─ … as above
└─ cache missing (ready, not required)
log running, not ready
└─ db running (ready, restarts it)
   └─ … as above
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
	if roots, err = g.roots([]string{"migrate/0"}); err != nil || len(roots) != 1 || roots[0].App != "migrate" {
		t.Errorf("of one app: %v %v", roots, err)
	}
	if _, err = g.roots([]string{"nobody"}); err == nil || err.Error() != `no app "nobody"` {
		t.Errorf("of none: %v", err)
	}
}
