package pid1

import (
	"cmp"
	"slices"
	"strings"

	"goinit/control"
	"goinit/reaper"
	"goinit/spec"
	"goinit/supervise/launch"

	"golang.org/x/sys/unix"
)

// serve opens the control socket. goinit runs without one where none can be had, and says so.
func (r *runner) serve(s *spec.Spec) (*control.Server, error) {
	l := control.Listening{Path: s.Control.Socket, Name: cmp.Or(r.options.name, s.Name), ReadGroup: -1, Getenv: func(name string) string {
		value, _ := r.getenv(name)
		return value
	}}
	if r.options.socket != "" {
		l.Path = r.options.socket
	}
	l.Exact = l.Name != ""
	l.Name = r.instanceName(s)
	if group := s.Control.ReadGroup; group != "" {
		id, err := launch.Accounts{}.GroupID(group)
		if err != nil {
			r.limit("the control socket has no read_group: "+err.Error(), "name a group of this image, or its number")
		} else {
			l.ReadGroup = int(id)
		}
	}
	socket, err := control.Listen(l)
	if control.Taken(err) && l.Exact {
		return nil, err // a second copy of the same apps is what nobody wants
	}
	if err != nil {
		r.limit("there is no control socket: "+err.Error(), "mount a tmpfs at /run, or goinit run --socket PATH")
		return r.answer(nil), nil
	}
	r.socket = socket
	r.prober.notifyDir = notifyDirectory(socket.Path)
	r.clusters.preload.path = strings.TrimSuffix(socket.Path, ".sock") + ".drain.cjs"
	r.files.drain = r.clusters.preload.path
	return r.answer(socket), nil
}

func (r *runner) answer(socket *control.Socket) *control.Server {
	return control.Serve(r.desk, socket, control.DefaultLimits(), func(text string) { r.messages.Warn(text, nil) })
}

// limit notes what cannot be done here. It is for the time before anybody asks for it.
func (r *runner) limit(what, remedy string) {
	r.limits = append(r.limits, control.Limitation{What: what, Remedy: remedy})
	r.messages.Warn(what+"\n  "+remedy, nil)
}

// noCgroups is what there is to tell before anything was looked for.
var noCgroups = control.Cgroups{Mode: "none", Missing: "goinit has not looked for any", Controllers: []string{}}

// info is goinit itself.
func (r *runner) info() control.Info {
	i := control.Info{
		Version: Version, PID: unix.Getpid(), Role: r.role.String(), State: r.supervisor.Phase().String(), StartedAt: r.bornAt,
		Cgroups: r.cgroups, WorkingDir: r.dir, Spec: r.specPath, OwnLog: r.daemon.path(), SpecAt: r.specAt.Load(), Orphans: r.orphans.Load(), Limitations: slices.Clone(r.limits),
	}
	if c := r.spec.Load().Compiled; c != nil && len(c.Sources) > 0 {
		i.SpecDigest = c.Sources[0].SHA256
	}
	if i.Limitations == nil {
		i.Limitations = []control.Limitation{}
	}
	if l := r.gateway.missing.Load(); l != nil {
		i.Limitations = append(i.Limitations, *l)
	}
	if r.role == reaper.Neither {
		i.Limitations = append(i.Limitations, control.Limitation{What: "orphans go to another process",
			Remedy: "the kernel refused PR_SET_CHILD_SUBREAPER"})
	}
	return i
}

// mainName is the app of goinit run -- CMD.
const mainName = "main"

// mainApp is its command as an app: it has goinit's own descriptors, a terminal for one.
func mainApp(words []string) spec.App {
	a := spec.NewApp(mainName, words...)
	a.Main, a.Restart.Policy, a.Logs.Console = true, "no", "inherit"
	return a
}
