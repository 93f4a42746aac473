package pid1

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"goinit/cgroup"
	"goinit/control"
	"goinit/reaper"
	"goinit/spec"
	"goinit/supervise/launch"

	"github.com/containerd/cgroups/v3"
)

// cgroupVariable says which group is goinit's: a path from the top of each hierarchy, one beneath our own without a slash
// in front, or off. Without it goinit takes its own group, where it is clear that nobody else needs it: as PID 1, within a
// container, and where it was delegated.
const cgroupVariable = "GOINIT_CGROUP"

// takeCgroups finds what there is and takes it. Whatever goes wrong, goinit runs without; only a limit that was asked for
// fails, at the start of its app.
func (r *runner) takeCgroups(s *spec.Spec) {
	root, place, err := r.openCgroups(s)
	mode := map[cgroups.CGMode]string{cgroups.Unified: "unified", cgroups.Hybrid: "hybrid", cgroups.Legacy: "legacy"}[place.Mode]
	if mode == "" {
		mode = "none"
	}
	r.cgroups = control.Cgroups{Mode: mode, Controllers: []string{}}
	r.launcher.Warn = func(text string) { r.messages.Warn(text, nil) }
	if err != nil {
		r.launcher.NoCgroups = err
		r.cgroups.Missing = err.Error()
		line := "no cgroups: " + err.Error()
		var u *cgroup.Unavailable
		if errors.As(err, &u) && u.Remedy != "" {
			r.cgroups.Remedy = u.Remedy
			line += "\n  " + u.Remedy
		}
		r.messages.Info(line, nil)
		return
	}
	r.launcher.Cgroups = root
	r.cgroups.Usable, r.cgroups.Place, r.cgroups.Controllers = true, root.Dir(), root.Controllers()
	r.messages.Info(root.Describe(), nil)
	var u *cgroup.Unavailable
	if busy := root.Busy(); errors.As(busy, &u) {
		r.cgroups.Missing, r.cgroups.Remedy = u.Reason, u.Remedy
		r.messages.Info("cgroup: "+u.Reason+"\n  "+u.Remedy, nil)
	}
	r.warnOfOvercommitment(s)
}

func (r *runner) openCgroups(s *spec.Spec) (*cgroup.Root, cgroup.Place, error) {
	wanted, _ := r.getenv(cgroupVariable)
	if !reaper.NativeFork {
		return nil, cgroup.Place{}, &cgroup.Unavailable{Reason: "this goinit was built with the tag forkexec, whose children cannot enter one", Remedy: "take the release build"}
	}
	if wanted == "off" {
		return nil, cgroup.Place{}, &cgroup.Unavailable{Reason: cgroupVariable + " is off"}
	}
	if slices.Contains(strings.Split(wanted, "/"), "..") {
		return nil, cgroup.Place{}, &cgroup.Unavailable{Reason: cgroupVariable + " has .. in it", Remedy: "write a path from the top: /goinit"}
	}
	look := func() (cgroup.Place, error) {
		sight, err := cgroup.Here(r.getenv)
		if err != nil {
			return cgroup.Place{}, &cgroup.Unavailable{Reason: err.Error(), Remedy: "mount a proc filesystem at /proc"}
		}
		sight.Wanted = wanted
		return cgroup.Look(sight), nil
	}
	place, err := look()
	if err != nil {
		return nil, place, err
	}
	// The spec's word is a limit: who asks for one wants what is needed for it.
	if place.State == cgroup.ReadOnly && slices.ContainsFunc(s.Apps, func(a spec.App) bool { return a.Resources.Any() || a.Recycle.OfMemory() }) && place.Remount() {
		if place, err = look(); err != nil {
			return nil, place, err
		}
	}
	root, err := cgroup.Open(place)
	return root, place, err
}

// warnOfOvercommitment: where the workers' limits together are no less than ours, they protect nobody.
func (r *runner) warnOfOvercommitment(s *spec.Spec) {
	if r.launcher.Cgroups == nil {
		return
	}
	if text := launch.Overcommitted(s.Apps, workersOf, r.launcher.Cgroups.Limit()); text != "" {
		r.messages.Warn(text, nil)
	}
}

// workersOf is how many an app is to have.
func workersOf(a *spec.App) int {
	if !a.Workers.Auto {
		return a.Workers.Count
	}
	n := max(1, cpus())
	if a.MaxWorkers > 0 {
		n = min(n, a.MaxWorkers)
	}
	return n
}

// giveUpCgroups removes what we have made. Groups that somebody is still in are named by whoever was not dead.
func (r *runner) giveUpCgroups() {
	if root := r.launcher.Cgroups; root != nil {
		if err := root.Close(); err != nil && !errors.Is(err, os.ErrNotExist) {
			r.messages.Debug(fmt.Sprintf("cgroups are left: %v", err), nil)
		}
	}
}
