package set

import (
	"fmt"

	"goinit/spec"
)

// Check refuses a set of apps that could not be run: a name twice, a required dependency that is not there, a circle.
func Check(apps []spec.App) error {
	names := map[string]*spec.App{}
	for i := range apps {
		a := &apps[i]
		if a.Name == "" || names[a.Name] != nil {
			return fmt.Errorf("app %q: the name is empty or there twice", a.Name)
		}
		names[a.Name] = a
	}
	for i := range apps {
		for _, d := range apps[i].DependsOn {
			if on := names[d.App]; on != nil && on.Job() {
				return fmt.Errorf("%s depends on %s, which is a job, and runs when its time comes: remove the dependency", apps[i].Name, d.App)
			}
			if names[d.App] == nil && d.Required {
				return fmt.Errorf("%s depends on %s, which is not among the apps: remove the dependency, or write required: false", apps[i].Name, d.App)
			}
		}
	}
	const open, done = 1, 2
	marks := map[string]int{}
	var visit func(a *spec.App) error
	visit = func(a *spec.App) error {
		switch marks[a.Name] {
		case open:
			return fmt.Errorf("%s depends on itself, by way of others", a.Name)
		case done:
			return nil
		}
		marks[a.Name] = open
		for _, d := range a.DependsOn {
			if on := names[d.App]; on != nil {
				if err := visit(on); err != nil {
					return err
				}
			}
		}
		marks[a.Name] = done
		return nil
	}
	for i := range apps {
		if err := visit(&apps[i]); err != nil {
			return err
		}
	}
	return nil
}

// Same reports whether two lists of apps say the same.
func Same(a, b []spec.App) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !same(&a[i], &b[i]) {
			return false
		}
	}
	return true
}
