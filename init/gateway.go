package pid1

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"goinit/control"
	"goinit/init/desk"
	"goinit/spec"
	"goinit/supervise"
	"goinit/supervise/launch"
	"goinit/supervise/set"

	"golang.org/x/sys/unix"
)

// The gateway is an app of goinit's own: goinitctl gateway, which answers over HTTP. It has a supervisor, and sockets, of its
// own. So nothing of it counts where the spec's apps are counted: not for the end of goinit, not for its health, not for all,
// not for the phase; and it is stopped when they have gone, for a kubelet asks until then.

// Who it is, and what it may use. A flood is the gateway's trouble, and no one else's.
const (
	gatewayUID       = 65533 // nobody's: not of files (65534 is), nor of images that bring a user (65532)
	gatewayMemory    = 128 << 20
	gatewayThreads   = 64
	gatewayFiles     = 512
	gatewayStopTime  = 500 * time.Millisecond
	gatewayBudget    = time.Second // of its end; 300ms of it are for SIGKILL
	gatewayLongest   = time.Second // from one try to the next: a kubelet asks that often
	gatewayListenFD  = 3           // as LISTEN_FDS counts
	gatewayControlFD = 4
)

// gateway is its supervisor, and what that is made of.
type gateway struct {
	runner     *runner
	server     *control.Server
	config     supervise.Config // but for its Spec
	mu         sync.Mutex
	supervisor atomic.Pointer[supervise.Supervisor] // nil: no spec has asked for one yet
	missing    atomic.Pointer[control.Limitation]   // nil: a spec that asks for one has it
	closed     bool                                 // goinit has come to its end
	ended      chan struct{}
}

// newGateway is to have the same world as the supervisor of everybody else. Of its events those of the app are told; that it
// has come up, or ended, as a whole says nothing about goinit.
func newGateway(r *runner, config supervise.Config, tell func(supervise.Event)) *gateway {
	c := newClusters(r.launcher.Accounts, r.launcher.Absolute, workersOf, func(text string) { r.messages.Warn(text, nil) })
	g := &gateway{runner: r, ended: make(chan struct{})}
	config.Cluster, config.Stay, config.Budget = c, true, gatewayBudget
	config.Starter = &gatewayStarter{starter: r.starter, gateway: g}
	config.Events = func(e supervise.Event) {
		if e.App != "" {
			tell(e)
		}
	}
	g.config = config
	return g
}

// Own is desk.Gateway's.
func (g *gateway) Own() *supervise.Supervisor { return g.supervisor.Load() }

// open starts it, where the spec wants one. That it cannot be had holds nobody up.
func (g *gateway) open(s *spec.Spec, server *control.Server) {
	g.server = server
	if s.Gateway == nil {
		return
	}
	if err := g.start(s); err != nil {
		what, remedy, _ := strings.Cut(err.Error(), "\n  ")
		l := control.Limitation{What: "there is no gateway: " + what, Remedy: cmp.Or(remedy, "again when repaired: goinit ctl apply")}
		g.missing.Store(&l)
		g.runner.messages.Warn(l.What+"\n  "+l.Remedy, nil)
	}
}

func (g *gateway) start(s *spec.Spec) error {
	if !exists(clientPath()) {
		return fmt.Errorf("%s is missing; goinit is two files\n  Dockerfile: COPY --from=goinit /sbin/goinit /sbin/goinitctl /sbin/", clientPath())
	}
	config := g.config
	config.Spec = &spec.Spec{Apps: g.apps(s)}
	own, err := supervise.New(config)
	if err != nil {
		return err
	}
	g.supervisor.Store(own)
	g.missing.Store(nil)
	g.runner.console.CountLines()
	go func() {
		own.Run(context.Background())
		close(g.ended)
	}()
	return nil
}

// apps are what a spec wants: one, or none.
func (g *gateway) apps(s *spec.Spec) []spec.App {
	if s.Gateway == nil {
		return nil
	}
	r := g.runner
	a := spec.NewApp(spec.GatewayApp, clientPath(), "gateway")
	a.WorkingDir, a.InheritEnvironment = "/", false
	a.Environment = []spec.Variable{{Name: "GOMEMLIMIT", Value: fmt.Sprint(gatewayMemory * 3 / 4)}}
	a.Listen = []spec.Listen{{Address: s.Gateway.Listen, Name: "gateway", Backlog: 511}}
	a.Balance, a.OnFailure = "shared", "ignore"
	a.Restart.MaxDelay = spec.Duration(gatewayLongest)
	a.Stop.Timeout, a.Stop.Drain = spec.Duration(gatewayStopTime), new(spec.Duration)
	a.Logs.Console = "prefix"
	a.NoNewPrivileges = true
	a.Capabilities.Drop = []string{"ALL"}
	if launch.CanBecome(gatewayUID, gatewayUID) {
		a.User = fmt.Sprintf("%d:%d", gatewayUID, gatewayUID)
	}
	a.Ulimits = map[string]spec.Ulimit{
		"core": {}, "fsize": {}, // it writes no file
		"nofile": {Soft: gatewayFiles, Hard: gatewayFiles},
	}
	if r.cgroups.Usable {
		a.Resources.Optional = true
		if slices.Contains(r.cgroups.Controllers, "memory") {
			a.Resources.Memory = gatewayMemory
		}
		if slices.Contains(r.cgroups.Controllers, "pids") {
			a.Resources.Pids = gatewayThreads
		}
	}
	return []spec.App{a}
}

// Apply is desk.Gateway's.
func (g *gateway) Apply(ctx context.Context, s *spec.Spec, dryRun bool) (diff *set.Diff, undo func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	own := g.Own()
	switch {
	case g.closed:
		return nil, nil, errors.New("goinit is stopping")
	case own == nil && s.Gateway == nil:
		if !dryRun {
			g.missing.Store(nil)
		}
		return nil, func() {}, nil
	case own == nil && dryRun:
		return &set.Diff{Added: []string{spec.GatewayApp}}, func() {}, nil
	case own == nil:
		err := g.start(s)
		return &set.Diff{Added: []string{spec.GatewayApp}}, func() { g.become(nil) }, err
	}
	was := own.Apps()
	result, err := own.Do(ctx, supervise.Apply{Apps: g.apps(s), DryRun: dryRun, NoWait: true})
	return result.Diff, func() { g.become(was) }, err
}

func (g *gateway) become(apps []spec.App) {
	if own := g.Own(); own != nil {
		_, _ = own.Do(context.Background(), supervise.Apply{Apps: apps, NoWait: true})
	}
}

// close stops it, as the last.
func (g *gateway) close() {
	g.mu.Lock()
	g.closed = true // what is started from now on would outlive goinit
	g.mu.Unlock()
	own := g.Own()
	if own == nil {
		return
	}
	_, _ = own.Do(context.Background(), supervise.Shutdown{Reason: "the end of goinit"})
	select {
	case <-g.ended:
	case <-time.After(gatewayBudget):
	}
	g.config.Cluster.(*clusters).Close()
}

var _ desk.Gateway = (*gateway)(nil)

// gatewayStarter gives each of its processes an end of a connection to the control server, where the other end may ask how
// everything is, and nothing else.
type gatewayStarter struct {
	*starter
	gateway *gateway
}

// Start is supervise.Starter's.
func (s *gatewayStarter) Start(w supervise.Work, told supervise.Told) (supervise.Process, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("its connection to goinit: %w", err)
	}
	defer unix.Close(pair[1])
	files := map[int]int{gatewayControlFD: pair[1]}
	for number, fd := range w.Given.Files {
		files[number] = fd
	}
	w.Given.Files = files
	w.Given.Environment = append(slices.Clip(w.Given.Environment), fmt.Sprintf("%s=%d", control.GatewayVariable, gatewayControlFD))
	p, err := s.starter.Start(w, told)
	if err != nil {
		unix.Close(pair[0])
		return nil, err
	}
	if err := s.gateway.server.Adopt(pair[0]); err != nil { // it sees its end, and ends
		s.gateway.runner.messages.Warn("the gateway has no connection to goinit: "+err.Error(), nil)
	}
	return p, nil
}
