package spec

import (
	"slices"
	"strconv"
	"strings"
)

// dependencies reads an object of apps and conditions, or of objects; or the list that encoding/json writes, where a bare
// name waits until the app is ready.
func (l *loader) dependencies(f *fields) []Dependency {
	v, ok := f.get("depends_on")
	if !ok {
		return nil
	}
	path := f.at("depends_on")
	var all []Dependency
	if elements, ok := v.([]any); ok {
		if l.tooManyDependencies(path, len(elements)) {
			return nil
		}
		for i, e := range elements {
			at := path + "." + strconv.Itoa(i)
			if o, ok := e.(*object); ok {
				f := l.object(at, o)
				all = append(all, l.dependency(f, value(f, "app", "", ParseAppName)))
				continue
			}
			all = append(all, Dependency{App: parsed(l, at, e, "", ParseAppName), Condition: "ready", Required: true})
		}
		return all
	}
	o := l.object(path, v)
	if l.tooManyDependencies(path, len(o.o.keys)) {
		return nil
	}
	for _, name := range o.o.keys {
		if long, ok := o.o.values[name].(*object); ok {
			all = append(all, l.dependency(l.object(o.at(name), long), name))
			continue
		}
		all = append(all, Dependency{App: name, Condition: value(o, name, "ready", condition), Required: true})
	}
	return all
}

func (l *loader) tooManyDependencies(path string, n int) bool {
	if n > MaxApps {
		l.fail(path, "%d of them, more than there can be apps", n)
	}
	return n > MaxApps
}

func (l *loader) dependency(f *fields, app string) Dependency {
	d := Dependency{App: app, Condition: value(f, "condition", "ready", condition), Required: value(f, "required", true, ParseBool),
		Restart: value(f, "restart", false, ParseBool)}
	f.end()
	return d
}

func condition(s string) (string, error) { return OneOf("started", "ready", "completed")(s) }

// checkOrder finds the dependencies that can never be met.
func (l *loader) checkOrder(apps []App) {
	byName := make(map[string]*App, len(apps))
	for i := range apps {
		byName[apps[i].Name] = &apps[i]
	}
	for _, a := range apps {
		seen := make(map[string]bool, len(a.DependsOn))
		for _, d := range a.DependsOn {
			path := "apps." + a.Name + ".depends_on." + d.App
			if seen[d.App] {
				l.fail(path, "is there twice")
			}
			seen[d.App] = true
			on := byName[d.App]
			switch {
			case on == nil && d.Required && d.App != "":
				l.fail(path, "there is no app %q%s", d.App, l.nearestApp(d.App, byName))
			case on == nil:
			case on.Job():
				l.fail(path, "%s is a job, which runs when its time comes, and nobody can wait for that: leave it out", d.App)
			case d.Condition == "completed" && on.Restart.Policy == "always" && !l.unsure[d.App]:
				l.fail(path, `%s never completes, for it is always restarted: give it restart: "no" or on-failure`, d.App)
			}
		}
	}
	l.checkCycles(apps, byName)
}

// nearestApp takes its time with every name, hence for mistakes that are told only.
func (l *loader) nearestApp(name string, byName map[string]*App) string {
	if len(l.problems) >= maxProblems {
		return ""
	}
	if near := Nearest(name, sortedKeys(byName)); near != "" {
		return ": is it " + near + "?"
	}
	return ""
}

// checkCycles walks the graph depth first; an app that is met again while its own dependencies are walked is in a cycle.
func (l *loader) checkCycles(apps []App, byName map[string]*App) {
	const walking, done = 1, 2
	state := map[string]int{}
	var trail []string
	var walk func(a *App)
	walk = func(a *App) {
		state[a.Name] = walking
		trail = append(trail, a.Name)
		for _, d := range a.DependsOn {
			on := byName[d.App]
			switch {
			case on == nil || state[d.App] == done:
			case state[d.App] == walking:
				cycle := append(slices.Clone(trail[slices.Index(trail, d.App):]), d.App)
				l.fail("apps."+a.Name+".depends_on."+d.App, "a cycle, nothing in it could start first: %s", clipCycle(cycle))
			default:
				walk(on)
			}
		}
		trail = trail[:len(trail)-1]
		state[a.Name] = done
	}
	for i := range apps {
		if state[apps[i].Name] == 0 {
			walk(&apps[i])
		}
	}
}

func clipCycle(names []string) string {
	if len(names) > 10 {
		names = append(append(slices.Clone(names[:8]), "…"), names[len(names)-1])
	}
	return strings.Join(names, " → ")
}
