package ctl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"goinit/control"
	"goinit/spec"
)

// graphVerb draws the apps as a tree, each below what it depends on waits for: who stands at the left is waited for by
// nobody, and below each app is what it depends on.
func graphVerb(s *session) *cobra.Command {
	return s.completeTargets(&cobra.Command{
		Use:   "graph [TARGET...]",
		Short: "what depends on what, and what is waited for",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"all"}
			}
			ctx, cancel := s.context(c.Context())
			defer cancel()
			answers, err := ask[control.DescribeReply](ctx, s, "Describe", control.DescribeRequest{Targets: []string{"all"}})
			if err != nil {
				return err
			}
			var all []node
			for _, a := range answers {
				g := graph{instance: a.instance, nodes: map[string]*node{}}
				for i := range a.value.Apps {
					g.add(&a.value.Apps[i])
				}
				roots, err := g.roots(args)
				if err != nil {
					return err
				}
				all = append(all, roots...)
			}
			return list(s, "table", all, func(bool) error { return s.tree(all) })
		},
	})
}

// node is an app of the graph.
type node struct {
	Instance  string `json:"instance,omitempty"`
	App       string `json:"app"`
	State     string `json:"state"` // of its worker that is furthest from being ready
	Ready     int    `json:"ready"` // workers
	Workers   int    `json:"workers"`
	DependsOn []edge `json:"depends_on"`
}

// edge is a dependency, and what it leads to.
type edge struct {
	Condition string `json:"condition"`
	Required  bool   `json:"required"`
	Restart   bool   `json:"restart"`
	Waits     bool   `json:"waits"` // it is what the app waits for
	node
}

// graph is all apps of a goinit.
type graph struct {
	instance string
	nodes    map[string]*node
	specs    map[string][]spec.Dependency
	waits    map[string][]string
	names    []string
}

func (g *graph) add(d *control.Description) {
	n := &node{Instance: g.instance, App: d.App, State: "stopped", DependsOn: []edge{}}
	for i, w := range d.Workers {
		if i == 0 || !w.Ready {
			n.State = string(w.State)
		}
		if w.Worker != nil {
			n.Workers++
		}
		if w.Ready {
			n.Ready++
		}
	}
	if g.specs == nil {
		g.specs, g.waits = map[string][]spec.Dependency{}, map[string][]string{}
	}
	g.nodes[d.App], g.waits[d.App] = n, d.WaitsFor
	if d.Spec != nil {
		g.specs[d.App] = d.Spec.DependsOn
	}
	g.names = append(g.names, d.App)
}

// roots are the apps that were asked for, or of all those on which nobody depends.
func (g *graph) roots(targets []string) ([]node, error) {
	var names []string
	for _, t := range targets {
		app, _, _ := strings.Cut(t, "/")
		switch {
		case t == "all":
			names = append(names, g.tops()...)
		case g.nodes[app] == nil:
			return nil, &control.Error{Name: control.NoSuchTarget, Message: fmt.Sprintf("no app %q", app), Target: t}
		default:
			names = append(names, app)
		}
	}
	var all []node
	for _, name := range names {
		all = append(all, g.below(name))
	}
	return all, nil
}

func (g *graph) tops() (tops []string) {
	needed := map[string]bool{}
	for _, on := range g.specs {
		for _, d := range on {
			needed[d.App] = true
		}
	}
	for _, name := range g.names {
		if !needed[name] {
			tops = append(tops, name)
		}
	}
	return tops
}

// below is an app with all that it depends on. There is no circle: the spec refuses it.
func (g *graph) below(name string) node {
	n := *g.nodes[name]
	for _, d := range g.specs[name] {
		e := edge{Condition: d.Condition, Required: d.Required, Restart: d.Restart}
		e.Waits = slices.ContainsFunc(g.waits[name], func(w string) bool { return strings.HasPrefix(w, d.App+": ") })
		if g.nodes[d.App] == nil {
			e.node = node{Instance: g.instance, App: d.App, State: "missing", DependsOn: []edge{}}
		} else {
			e.node = g.below(d.App)
		}
		n.DependsOn = append(n.DependsOn, e)
	}
	return n
}

// tree draws it. What was drawn before is not drawn again, but named.
func (s *session) tree(roots []node) error {
	var b strings.Builder
	drawn := map[string]bool{}
	var draw func(n *node, indent string)
	draw = func(n *node, indent string) {
		key := n.Instance + "/" + n.App
		if drawn[key] && len(n.DependsOn) > 0 {
			b.WriteString(indent + "└─ … as above\n")
			return
		}
		drawn[key] = true
		for i := range n.DependsOn {
			e := &n.DependsOn[i]
			branch, next := "├─ ", "│  "
			if i == len(n.DependsOn)-1 {
				branch, next = "└─ ", "   "
			}
			b.WriteString(indent + branch + e.words() + "\n")
			draw(&e.node, indent+next)
		}
	}
	for i := range roots {
		n := &roots[i]
		b.WriteString(n.words() + "\n")
		draw(n, "")
	}
	return s.print(b.String())
}

func (n *node) words() string {
	name := n.App
	if n.Instance != "" {
		name = n.Instance + ":" + name
	}
	text := name + " " + n.State
	if n.Workers > 1 {
		text += fmt.Sprintf(", %d of %d ready", n.Ready, n.Workers)
	} else if n.State == "running" && n.Ready == 0 {
		text += ", not ready"
	}
	return text
}

func (e *edge) words() string {
	text := e.node.words() + " (" + e.Condition
	if !e.Required {
		text += ", not required"
	}
	if e.Restart {
		text += ", restarts it"
	}
	text += ")"
	if e.Waits {
		text += "  ← waited for"
	}
	return text
}
