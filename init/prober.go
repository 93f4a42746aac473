package pid1

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"goinit/health"
	"goinit/spec"
	"goinit/supervise"
	"goinit/supervise/launch"
	"goinit/supervise/tree"

	"golang.org/x/sys/unix"
)

// prober is the health room as package supervise wants it.
type prober struct {
	accounts  launch.Accounts
	beside    supervise.Beside // starts exec probes
	grouped   func(supervise.Work) []int
	warn      func(text string)
	notifyDir string // of notify sockets; empty: they have abstract names

	mu      sync.Mutex
	watches map[outputKey]*health.Watch // those that want to hear lines
}

// newProber has its exec probes started by beside, and takes who is in a worker's group for the worker's.
func newProber(beside supervise.Beside, grouped func(supervise.Work) []int, warn func(string)) *prober {
	return &prober{beside: beside, grouped: grouped, warn: warn, watches: map[outputKey]*health.Watch{}}
}

// probed is one worker's process.
type probed struct {
	*health.Watch
	prober *prober
	key    outputKey
	pid    *atomic.Int64 // 0: not started yet
}

// Watch makes a health.Watch of what the spec says.
func (p *prober) Watch(w supervise.Work, told func(supervise.Verdict)) (supervise.Watch, error) {
	one := &probed{prober: p, key: outputKey{w.App.Name, w.Slot, w.Generation}, pid: &atomic.Int64{}}
	plan, err := p.plan(w, one.pid)
	if err != nil {
		return nil, err
	}
	forks := false
	one.Watch, err = health.Open(plan, func(v health.Verdict) {
		if started := int(one.pid.Load()); v.Kind == health.MainPID && v.PID != started && !forks {
			forks = true
			p.warn(forksAway(tree.Worker(w.App.Name, w.Slot), v.PID, started))
		}
		if v.Kind == health.Ignored || v.Kind == health.Unasked {
			p.warn(tree.Worker(w.App.Name, w.Slot) + ": " + v.Why)
		} else if v, ok := verdict(v); ok {
			told(v)
		}
	})
	if err != nil {
		return nil, err
	}
	if one.Hears() {
		p.mu.Lock()
		p.watches[one.key] = one.Watch
		p.mu.Unlock()
	}
	return one, nil
}

// forksAway is for the user of a daemon that expects to be followed, as systemd does.
func forksAway(worker string, main, started int) string {
	return fmt.Sprintf("%s says that its main process is %d: that is shown, but goinit follows %d, which it has started, and when that ends the worker has ended"+
		"\n  let the program stay in the foreground; most have an option for it", worker, main, started)
}

// heard is who wants to hear the lines of a process.
func (p *prober) heard(key outputKey) func([]byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w := p.watches[key]; w != nil {
		return w.Line
	}
	return nil
}

func (p *prober) plan(w supervise.Work, pid *atomic.Int64) (health.Plan, error) {
	plan := health.Plan{NotifyDir: p.notifyDir, UID: unix.Geteuid(), Random: rand.Float64, Probed: w.Probed,
		Owns: func(who int) bool {
			return tree.Belongs(int(pid.Load()), who) || slices.Contains(p.grouped(w), who)
		}}
	if w.App.User != "" {
		account, err := p.accounts.Resolve(w.App.User)
		if err != nil {
			return plan, err
		}
		plan.UID = int(account.UID)
	}
	if r := w.App.Readiness; r != nil && !r.Node { // that is heard on Node's channel
		ours := &health.Readiness{Notify: r.Notify, FD: r.FD, Timing: health.Timing{Period: time.Duration(r.Period),
			Timeout: time.Duration(r.Timeout), SuccessThreshold: r.SuccessThreshold, FailureThreshold: r.FailureThreshold}}
		var err error
		switch {
		case r.Log != "":
			ours.Line, err = regexp.Compile(r.Log)
		case r.Listening != 0:
			ours.Probe = health.NewListening(w.App.AimPort(r.Listening, w.Slot), func() []int { return p.processes(w, int(pid.Load())) })
		default:
			ours.Probe, err = p.probe(w, r.HTTP, r.TCP, r.Exec, r.Timeout)
		}
		if err != nil {
			return plan, fmt.Errorf("readiness: %w", err)
		}
		plan.Readiness = ours
	}
	if l := w.App.Liveness; l != nil {
		ours := &health.Liveness{Heartbeat: time.Duration(l.Heartbeat), Silence: time.Duration(l.Silence),
			Timing: health.Timing{InitialDelay: time.Duration(l.InitialDelay), Period: time.Duration(l.Period),
				Timeout: time.Duration(l.Timeout), FailureThreshold: l.FailureThreshold}}
		var err error
		if ours.Probe, err = p.probe(w, l.HTTP, l.TCP, l.Exec, l.Timeout); err != nil {
			return plan, fmt.Errorf("liveness: %w", err)
		}
		plan.Liveness = ours
	}
	return plan, nil
}

// processes are a worker's, the main one first. Who is in its tree and in its group is there twice.
func (p *prober) processes(w supervise.Work, main int) []int {
	return append(tree.Members(main), p.grouped(w)...)
}

// probe is nil where none of the three is asked for. https is asked for by a program: TLS is no part of PID 1.
func (p *prober) probe(w supervise.Work, url, address string, argv []string, timeout spec.Duration) (any, error) {
	url, address = w.App.Aim(url, w.Slot), w.App.Aim(address, w.Slot)
	switch {
	case url != "":
		h, err := health.NewHTTP(url)
		if errors.Is(err, health.ErrHTTPS) {
			return health.NewHelper([]string{clientPath(), "probe", "--timeout", timeout.String(), url}, "GET "+url, p.run(w)), nil
		}
		return h, err
	case address != "":
		return health.NewTCP(address)
	case len(argv) > 0:
		return health.NewExec(argv, p.run(w)), nil
	}
	return nil, nil
}

// run starts a probe's program in the worker's place. Whatever it leaves behind is killed: a probe is over when nothing of
// it is left.
func (p *prober) run(w supervise.Work) health.Run {
	return func(argv []string, output int, gone func(health.Exit)) (kill func(), err error) {
		if p.beside == nil {
			return nil, errors.New("this goinit cannot start a probe")
		}
		b := &besideProbe{}
		w.Given = supervise.Given{Files: map[int]int{1: output, 2: output}}
		process, err := p.beside.Beside(w, argv, nil, supervise.Told{
			Exited: func(e supervise.Exit) {
				b.end(health.Exit{Code: e.Code, Signal: e.Signal})
			},
			TreeGone: func() { gone(b.exit()) },
		})
		if err != nil {
			return nil, err
		}
		b.begin(process)
		return process.KillTree, nil
	}
}

// besideProbe is a probe's program; its end may come before Beside has returned.
type besideProbe struct {
	mu      sync.Mutex
	process supervise.Process
	ended   bool
	how     health.Exit
}

func (b *besideProbe) begin(p supervise.Process) {
	b.mu.Lock()
	b.process = p
	ended := b.ended
	b.mu.Unlock()
	if ended {
		p.KillTree()
	}
}

func (b *besideProbe) end(e health.Exit) {
	b.mu.Lock()
	b.ended, b.how = true, e
	p := b.process
	b.mu.Unlock()
	if p != nil {
		go p.KillTree() // not with the reaper locked
	}
}

func (b *besideProbe) exit() health.Exit {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.how
}

// verdict is one as the supervisor has it; some are of no use to it.
func verdict(v health.Verdict) (supervise.Verdict, bool) {
	out := supervise.Verdict{Detail: v.Why, Extend: v.Extend, PID: v.PID}
	if v.Output != "" {
		out.Detail += "\n" + v.Output
	}
	switch v.Kind {
	case health.Ready:
		out.Kind = supervise.VerdictReady
	case health.Unready, health.NotYet:
		out.Kind = supervise.VerdictUnready
	case health.Unhealthy:
		out.Kind = supervise.VerdictUnhealthy
	case health.Extended:
		out.Kind = supervise.VerdictExtended
	case health.MainPID:
		out.Kind = supervise.VerdictMainPID
	case health.Status:
		out.Kind = supervise.VerdictStatus
	case health.Stopping:
		out.Kind = supervise.VerdictStopping
	default:
		return out, false
	}
	return out, true
}

// Given is what the process is given.
func (o *probed) Given() supervise.Given {
	environment, files, given := o.Watch.Given()
	return supervise.Given{Environment: environment, Files: files, Close: given}
}

// Started says which process it is.
func (o *probed) Started(pid int) {
	o.pid.Store(int64(pid))
	o.Watch.Started()
}

// Stop ends it.
func (o *probed) Stop() {
	o.prober.mu.Lock()
	delete(o.prober.watches, o.key)
	o.prober.mu.Unlock()
	o.Watch.Stop()
}

// notifyDirectory makes the directory of notify sockets beside a control socket; what a goinit before us has left in it
// is nobody's. Others may go through it, not look into it: each socket is its worker's alone.
func notifyDirectory(socket string) string {
	dir := strings.TrimSuffix(socket, ".sock") + ".notify"
	if err := os.Mkdir(dir, 0o711); err != nil && !os.IsExist(err) {
		return ""
	}
	st, err := os.Lstat(dir)
	if err != nil || !st.IsDir() || os.Chmod(dir, 0o711) != nil {
		return ""
	}
	left, _ := os.ReadDir(dir)
	for _, f := range left {
		_ = os.Remove(filepath.Join(dir, f.Name()))
	}
	return dir
}
