package pid1

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"goinit/control"
	"goinit/init/desk"
	"goinit/init/entry"
	"goinit/logs"
	"goinit/logs/store"
	"goinit/messages"
	"goinit/reaper"
	"goinit/spec"
	"goinit/supervise"
	"goinit/supervise/launch"
	"goinit/supervise/set"
	"goinit/supervise/tree"

	"golang.org/x/sys/unix"
)

const (
	exitNothing = 1 // there was nothing that could be run

	flushTime = 200 * time.Millisecond // for the console at the end
	// threads that run mode may want at the same time, beside the main one: startsAtOnce, two writers of the console, the
	// writer of the logs, which a disk may hold for ever, the look into /proc, the collector, the walk of watched folders. The
	// main one is to spare.
	runThreads = 8
	processors = 2 // one may be suspended in a fork

	settleTime = 200 * time.Millisecond // from the last start to the collection of what the boot has left
	eventsKept = 1000
)

// Budgets of an ordered stop where the spec does not say: below what docker stop and a kubelet give before they kill.
const (
	dockerBudget     = 9 * time.Second
	kubernetesBudget = 28 * time.Second
)

// Run is run mode: it keeps the apps of a spec running, and returns goinit's exit status.
func Run(args []string) int {
	o, help, err := parseRunOptions(args[min(2, len(args)):])
	switch {
	case err != nil:
		say("goinit: " + err.Error())
		return exitUsage
	case help:
		return print1(runUsage)
	}
	stage, log, env := detachStage(entry.Environ())
	switch {
	case stage == "session":
		return runSession(args, env, log)
	case stage == "daemon":
		return run(o, env, becomeDaemon(log))
	case o.detach:
		return detach(o, args, env)
	}
	return run(o, env, nil)
}

// runner is run mode's goinit.
type runner struct {
	options  *runOptions
	role     reaper.Role
	env      []string
	boot     string // tells this goinit's processes from another's
	dir      string
	bornAt   time.Time
	specPath string
	orphans  atomic.Uint64
	spec     atomic.Pointer[spec.Spec]
	specAt   atomic.Pointer[time.Time]

	reaper     *reaper.Reaper
	reader     *specReader
	console    *logs.Console
	store      *store.Store // nil: nothing is kept
	messages   *messages.Messages
	outputs    *outputs
	trees      *tree.Keeper
	launcher   *launch.Starter
	starter    *starter
	prober     *prober
	files      *files
	clusters   *clusters
	supervisor *supervise.Supervisor
	desk       *desk.Desk
	gateway    *gateway
	limits     []control.Limitation
	daemon     *daemon                    // nil: in the foreground
	parent     *parent                    // who wants to be notified
	socket     *control.Socket            // nil: none could be had
	asleep     atomic.Pointer[[]spec.App] // saved apps that run APP has left out
	cgroups    control.Cgroups
}

func run(o *runOptions, env []string, d *daemon) int {
	signals, err := openSignalStream()
	if err != nil {
		say("goinit: cannot receive signals: " + err.Error())
		return exitNotExecutable
	}
	runtime.GOMAXPROCS(min(processors, runtime.NumCPU()))
	letRuntimeSettle()
	warmThreads(runThreads)
	r := &runner{options: o, env: env, bornAt: time.Now(), cgroups: noCgroups, daemon: d}
	r.parent = openParent(r.getenv, d != nil)
	if err := r.place(); err != nil {
		return r.refuse(err)
	}
	boot, err := bootID()
	if err != nil {
		return r.refuse(err)
	}
	r.boot = boot
	r.reaper = reaper.New(r.orphan)
	r.role = r.reaper.Role()
	r.trees = tree.New(tree.Config{BootID: boot, PID: unix.Getpid(), Everywhere: r.role == reaper.Neither, Stuck: func(worker, who string) {
		r.messages.Warn(worker+" was killed, and does not die: "+who+"\n  it waits in the kernel, mostly for a disk or a server of files; nothing else can be done to it", nil)
	}})
	arrivals := newMailbox()
	go r.receive(signals, arrivals)

	s, err := r.readSpec(arrivals)
	if err != nil {
		return r.refuse(err)
	}
	if err := r.furnish(s); err != nil {
		return r.refuse(err)
	}
	return r.keep(arrivals)
}

// place is where goinit stands.
func (r *runner) place() (err error) {
	if dir := r.options.dir; dir != "" {
		if err := os.Chdir(dir); err != nil {
			return fmt.Errorf("-C: %w", err)
		}
	}
	r.dir, err = os.Getwd()
	return err
}

// refuse says why nothing runs. A complaint about a spec has its place in front.
func (r *runner) refuse(err error) int {
	var c complaint
	var interrupted interruption
	text, status := "goinit: "+err.Error(), exitNothing
	switch {
	case errors.As(err, &interrupted):
		status = 128 + int(interrupted)
	case errors.As(err, &c):
		text = c.Error()
	}
	say(text)
	r.daemon.part(word{Text: text, Status: &status})
	r.parent.notify("STOPPING=1", "STATUS="+err.Error())
	if status == exitNothing {
		writeTermination(terminationLog, err.Error())
	}
	return status
}

func (r *runner) getenv(name string) (string, bool) { return lookup(r.env)(name) }

func (r *runner) orphan(int, reaper.Status) {
	r.orphans.Add(1)
	r.trees.Reaped()
}

// receive reaps, and hands over every other signal.
func (r *runner) receive(signals *signalStream, arrivals *mailbox) {
	for {
		all, err := signals.next()
		if err != nil {
			say("goinit: cannot read signals: " + err.Error())
			return
		}
		for _, sig := range all {
			if sig == unix.SIGCHLD {
				r.reaper.Reap()
			} else {
				arrivals.put(sig)
			}
		}
	}
}

// furnish makes everything that the apps need.
func (r *runner) furnish(s *spec.Spec) (err error) {
	r.spec.Store(s)
	now := time.Now()
	r.specAt.Store(&now)
	level, err := messages.ParseLevel(s.Messages.Level)
	if err != nil {
		return err
	}
	r.store = r.newStore(s)
	r.console, err = logs.New(logs.Options{Store: r.store, Stdout: 1, Stderr: 2, Colour: r.colour(), Lost: func(l logs.Loss) {
		r.messages.Warn(l.String(), nil)
	}, Broken: func(err error) {
		r.messages.Error("a mistake of goinit's own, please report it: "+err.Error(), nil)
	}})
	if err != nil {
		return fmt.Errorf("cannot make the console: %w", err)
	}
	r.messages = messages.New(r.daemon.ownLines(r.console), level, formatOf(s))
	r.daemon.overhear(r.messages)
	if r.reader.noNull != nil {
		r.messages.Warn("cannot open /dev/null: "+r.reader.noNull.Error()+"; descriptor 0 of programs is a pipe that has ended"+
			"\n  programs may want it themselves: mknod -m 666 /dev/null c 1 3", nil)
	}
	if r.store != nil {
		r.store.Start()
	}
	plan(r.console, s.Apps)
	for _, name := range s.Unset {
		r.messages.Warn("${"+name+"} is not set, and empty here; say so with ${"+name+":-}", nil)
	}
	r.outputs = &outputs{console: r.console, daemon: r.daemon, open: map[outputKey]output{}}
	r.launcher = &launch.Starter{
		Reaper: r.reaper, Trees: r.trees, Outputs: r.outputs, BootID: r.boot, Environment: r.env, Dir: r.dir,
		OOMScoreAdj: workersOOMScore(), ReadEnvFile: spec.ReadEnvFile, ReadSecret: spec.ReadSecret, Stdin: r.reader.null,
		Limits: givenLimits(),
	}
	r.takeCgroups(s)
	if r.options.main != nil {
		t := openTerminal()
		r.launcher.Interactive = mainName
		r.launcher.Foreground = func() bool { return t.stdin && t.ours() }
	}
	return nil
}

// keep runs the apps to the end of everything.
func (r *runner) keep(arrivals *mailbox) int {
	s := r.spec.Load()
	n := newNarrator(r.messages, r.console, r.outputs)
	n.forget = r.forget
	n.spec = r.appSpec
	n.loop = r.tellCaller
	history := control.NewHistory(eventsKept)
	r.desk = desk.New(&desk.Desk{Console: r.console, Store: r.store, History: history, Info: r.info, Spec: r.spec.Load, Load: r.load, Applied: r.applied, Budget: r.budget,
		Save: r.save, Program: r.program, Drained: r.outputs.drained})
	r.starter = newStarter(r.launcher)
	r.prober = newProber(r.starter, r.launcher.Grouped, func(text string) { r.messages.Warn(text, nil) })
	r.outputs.heard = r.prober.heard
	r.files = r.newFiles(s)
	damped := newDamper(func(e supervise.Event) {
		history.Add(desk.Event(e))
		n.tell(e)
	})
	r.clusters = newClusters(r.launcher.Accounts, r.launcher.Absolute, workersOf, func(text string) { r.messages.Warn(text, nil) })
	r.launcher.AddsNodeOptions = r.clusters.addsNodeOptions
	r.clusters.loads = r.files.loads
	r.clusters.processes = r.prober.processes
	r.clusters.inform = func(text string) { r.messages.Info(text, nil) }
	var err error
	config := supervise.Config{
		Spec: s, Starter: r.starter, Prober: r.prober, Files: r.files, Cluster: r.clusters, Budget: r.budget(s), CPUs: cpus(), Stay: r.specPath == "" && r.options.main == nil,
		Events: func(e supervise.Event) {
			damped.take(e)
			r.notifyParent(e)
			if e.Type == "goinit.running" { // what the boot has needed and left, the kernel may have back
				time.AfterFunc(settleTime, debug.FreeOSMemory)
				go r.tellCaller()
			}
		},
		Changed: r.desk.Changed, WatchClock: r.watchClock,
	}
	r.supervisor, err = supervise.New(config)
	if err != nil {
		return r.refuse(err)
	}
	r.gateway = newGateway(r, config, damped.take)
	r.desk.Supervisor, r.desk.Gateway = r.supervisor, r.gateway
	r.clusters.ending = func() bool { return r.supervisor.Phase() >= set.Stopping }
	go n.run()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go r.trees.Run(ctx)
	r.messages.Info(fmt.Sprintf("%s, %s; %s", versionShort(), r.role, appsOf(s)), nil)
	server, err := r.serve(s)
	if err != nil {
		r.console.Close(time.Now().Add(flushTime))
		return r.refuse(err)
	}
	r.gateway.open(s, server)
	ended := make(chan supervise.Outcome, 1)
	go func() { ended <- r.supervisor.Run(context.Background()) }()
	outcome := r.attend(arrivals, ended)
	r.gateway.close()
	if dir := r.prober.notifyDir; dir != "" { // while the name is ours: then it may be another's
		_ = os.Remove(dir)
	}
	r.close(server)
	r.clusters.Close()
	n.end()
	return r.finish(outcome)
}

// appSpec is an app as the last word wants it; nil: there is none of that name.
func (r *runner) appSpec(name string) *spec.App {
	apps := r.supervisor.Apps()
	if i := slices.IndexFunc(apps, func(a spec.App) bool { return a.Name == name }); i >= 0 {
		return &apps[i]
	}
	return nil
}

// close ends the control socket, and the programs that exec has put beside workers. What does not end of SIGKILL holds
// nothing up.
func (r *runner) close(server *control.Server) {
	closed := make(chan struct{})
	go func() {
		server.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(flushTime):
	}
}

// finish says why, and leaves nothing behind.
func (r *runner) finish(o supervise.Outcome) int {
	why := o.Reason
	if len(o.Killed) > 0 {
		why += "; had to be killed: " + strings.Join(o.Killed, ", ")
	}
	r.giveUpCgroups()
	r.messages.Info(fmt.Sprintf("the end, with status %d: %s", o.Status, why), nil)
	r.daemon.part(word{Text: fmt.Sprintf("goinit: the end, with status %d: %s", o.Status, why), Status: &o.Status})
	writeTermination(terminationLog, fmt.Sprintf("status %d: %s", o.Status, why))
	r.console.Close(time.Now().Add(flushTime))
	if r.store != nil {
		r.store.Close(time.Now().Add(flushTime))
	}
	if r.role == reaper.PID1 {
		_ = unix.Kill(-1, unix.SIGKILL)
	}
	return o.Status
}

// openNull is everybody's standard input. Where there is no /dev/null, and why says so, it is a pipe that nobody writes to,
// which reads as an end too: with descriptor 0 closed, the first file that a program opens would be its standard input.
// -1: not even that can be had.
func openNull(mode int) (fd int, why error) {
	fd, err := unix.Open("/dev/null", mode|unix.O_CLOEXEC, 0)
	if err == nil {
		return fd, nil
	}
	var pipe [2]int
	if unix.Pipe2(pipe[:], unix.O_CLOEXEC) != nil {
		return -1, err
	}
	unix.Close(pipe[1])
	return pipe[0], err
}

// bootID is what tells this goinit's processes from those of another.
func bootID() (string, error) {
	var id [16]byte
	if _, err := unix.Getrandom(id[:], 0); err != nil {
		return "", os.NewSyscallError("getrandom", err)
	}
	return hex.EncodeToString(id[:]), nil
}

func versionShort() string { return "goinit " + Version }

func appsOf(s *spec.Spec) string {
	if len(s.Apps) == 1 {
		return "1 app"
	}
	return fmt.Sprintf("%d apps", len(s.Apps))
}
