package pid1

import (
	"context"
	"errors"
	"strings"

	"goinit/control"
	"goinit/reaper"
	"goinit/signame"
	"goinit/spec"
	"goinit/supervise"
	"goinit/supervise/tree"

	"golang.org/x/sys/unix"
)

// program runs a program beside a worker, as docker exec does beside a container's: as its user, in its directory, with its
// environment. It is not of the worker's tree: a restart of the worker leaves it alone.
func (r *runner) program(ctx context.Context, a *spec.App, slot int, e control.Exec) (control.Exit, error) {
	c, err := r.launcher.Command(supervise.Work{App: a, Slot: slot, Generation: r.generation(a.Name, slot)})
	if err != nil {
		return control.Exit{}, control.Errorf(control.Failure, "cannot run %s: %v", e.Args[0], err)
	}
	c.Argv, c.Files = e.Args, e.Files[:]
	c.Env = append(withoutVariables(c.Env, append([]string{tree.BootVariable}, e.Environment...)), e.Environment...)
	if e.Terminal {
		c.Terminal = &reaper.Terminal{FD: e.Files[0], Control: true, Foreground: true}
		if c.Credential != nil { // who has a terminal may open it by its name
			_ = unix.Fchown(e.Files[0], int(c.Credential.UID), -1)
		}
	}
	leave := r.starter.enter()
	p, err := r.reaper.Start(c)
	leave()
	if err != nil {
		var failed *reaper.StartError
		if errors.As(err, &failed) {
			return control.Exit{}, control.Errorf(control.Failure, "%s", explainStart(failed, c))
		}
		return control.Exit{}, err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		t := r.trees.Add("exec/"+e.Args[0], 0, p.PID(), func() {})
		t.Kill()
		<-p.Done()
		t.Exited()
	}
	return exitOf(p.Status()), nil
}

func (r *runner) generation(app string, slot int) int {
	for _, w := range r.supervisor.Snapshot() {
		if w.App == app && w.Slot != nil && *w.Slot == slot {
			return w.Generation
		}
	}
	return 0
}

// withoutVariables is an environment less the variables of others, which may be names or NAME=VALUE.
func withoutVariables(env, others []string) (kept []string) {
	drop := map[string]bool{}
	for _, kv := range others {
		name, _, _ := strings.Cut(kv, "=")
		drop[name] = true
	}
	for _, kv := range env {
		if name, _, _ := strings.Cut(kv, "="); !drop[name] {
			kept = append(kept, kv)
		}
	}
	return kept
}

func exitOf(s reaper.Status) control.Exit {
	e := control.Exit{Reason: "exited"}
	if sig := s.Signal(); sig != 0 {
		name := signame.Of(sig)
		e.Signal, e.Status, e.Reason = &name, 128+int(sig), "signaled"
		return e
	}
	code := s.Code()
	e.Code, e.Status = &code, code
	return e
}
