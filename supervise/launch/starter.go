package launch

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"goinit/cgroup"
	"goinit/reaper"
	"goinit/spec"
	"goinit/supervise"
	"goinit/supervise/tree"

	"golang.org/x/sys/unix"
)

// Outputs gives a worker its stdout and stderr. The log room is one.
type Outputs interface {
	// Open returns descriptors for a worker's process; close closes them here, once the child has its own.
	Open(a *spec.App, slot, generation int) (stdout, stderr int, close func(), err error)
	// Drain says that nobody writes to them any more: the tree is gone. It must not block.
	Drain(app string, slot, generation int)
}

// Starter starts workers. Its fields are set before its first use and not changed after.
type Starter struct {
	Reaper   *reaper.Reaper
	Trees    *tree.Keeper // its Run runs
	Outputs  Outputs
	Accounts Accounts
	BootID   string // the cookie's, as the Keeper's

	Environment []string       // goinit's own
	Dir         string         // where goinit started: what relative paths are relative to
	Limits      []reaper.Limit // those that goinit was started with, where its own differ (NOFILE)
	SignalMask  uint64         // for the children
	OOMScoreAdj *int           // of workers whose app does not say

	// ReadEnvFile and ReadSecret read what the spec points at, at each start. get answers for what is set so far.
	ReadEnvFile func(path string, required bool, get func(name string) (string, bool)) ([]spec.Variable, error)
	ReadSecret  func(path string) (string, error)
	Stdin       int // a descriptor that reads as an end, as /dev/null
	// AddsNodeOptions, if not nil, says whether an app whose own NODE_OPTIONS are these is to have goinit's as well.
	AddsNodeOptions func(a *spec.App, own string) bool

	// Cgroups is where workers' groups are made; nil: they have none, and NoCgroups says why.
	Cgroups   *cgroup.Root
	NoCgroups error
	// Warn is told of what was asked for, cannot be had and need not be; once an app.
	Warn func(text string)

	// Interactive, if not empty, is an app that has goinit's own standard input, and with Foreground its terminal's
	// foreground. It stays in goinit's session, whose terminal that is.
	Interactive string
	Foreground  func() bool

	groups groups
}

// Start is the supervisor's Starter.
func (s *Starter) Start(w supervise.Work, told supervise.Told) (supervise.Process, error) {
	c, err := s.Command(w)
	if err != nil {
		return nil, err
	}
	stdout, stderr, closeOutputs, err := s.Outputs.Open(w.App, w.Slot, w.Generation)
	if err != nil {
		return nil, fmt.Errorf("stdout and stderr: %w", err)
	}
	defer closeOutputs()
	c.Files = withFiles([]int{s.Stdin, stdout, stderr}, w.Given.Files)
	if w.App.Name == s.Interactive {
		c.Files[0], c.Session, c.Group = 0, false, true
		if s.Foreground != nil && s.Foreground() {
			c.Terminal = &reaper.Terminal{FD: 0, Foreground: true}
		}
	}
	p := &process{slot: w.Slot, generation: w.Generation}
	entered, err := s.enter(w, p, told)
	if err != nil {
		s.Outputs.Drain(w.App.Name, w.Slot, w.Generation)
		return nil, err
	}
	defer entered.done()
	c.Cgroups = entered.fds
	c.Notify = func(e reaper.Event) {
		if e.Kind == reaper.Exited {
			p.exited(e.Status, told.Exited)
		}
	}
	main, err := s.Reaper.Start(c)
	if err != nil {
		s.leave(w.App.Name, p)
		s.Outputs.Drain(w.App.Name, w.Slot, w.Generation)
		return nil, err
	}
	name := w.App.Name
	p.begin(main, s.Trees.AddGroup(tree.Worker(name, w.Slot), w.Generation, main.PID(), p.treeGroup(), func() {
		s.leave(name, p)
		s.Outputs.Drain(name, w.Slot, w.Generation)
		told.TreeGone()
	}), told.Exited)
	return p, nil
}

// Command is what a worker's process is to be, but for its descriptors and Notify.
func (s *Starter) Command(w supervise.Work) (*reaper.Command, error) {
	a := w.App
	credential, account, err := identity(a, s.Accounts)
	if err != nil {
		return nil, err
	}
	c := &reaper.Command{
		Argv: argv(w), Dir: s.Absolute(a, ""), Session: true, Credential: credential, SignalMask: s.SignalMask,
		NoNewPrivileges: a.NoNewPrivileges, Nice: a.Nice, OOMScoreAdj: a.OOMScoreAdj,
	}
	if c.OOMScoreAdj == nil {
		c.OOMScoreAdj = s.OOMScoreAdj
	}
	if c.Umask, err = umask(a.Umask); err != nil {
		return nil, err
	}
	if c.IOPriority, err = ioPriority(a.IONice); err != nil {
		return nil, err
	}
	if c.Limits, err = limits(a.Ulimits, s.Limits); err != nil {
		return nil, err
	}
	if set := a.Capabilities; len(set.Drop) > 0 || len(set.Add) > 0 { // else as execve does by itself
		own, err := ownCapabilities()
		if err != nil {
			return nil, err
		}
		root := unix.Geteuid() == 0 && (credential == nil || credential.UID == 0)
		if c.Capabilities, err = capabilities(set, own, root, a.NoNewPrivileges || sealed()); err != nil {
			return nil, err
		}
	}
	c.ListenPID = slices.ContainsFunc(w.Given.Environment, func(kv string) bool { return strings.HasPrefix(kv, "LISTEN_PID=") })
	c.Env, err = s.environmentOf(a, w.Slot, w.Generation, account, w.Given.Environment)
	return c, err
}

// argv is what runs: the app's command, or a hook.
func argv(w supervise.Work) []string {
	if w.Argv != nil {
		return w.Argv
	}
	return w.App.Command
}

// withFiles puts descriptors of ours at the numbers at which a process is to have them.
func withFiles(files []int, given map[int]int) []int {
	for number, fd := range given {
		for len(files) <= number {
			files = append(files, -1)
		}
		files[number] = fd
	}
	return files
}

// Absolute is a path of the spec; an app's relative ones start in its working_dir, and that where goinit started.
func (s *Starter) Absolute(a *spec.App, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	dir := a.WorkingDir
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(s.Dir, dir)
	}
	return filepath.Join(dir, path)
}

// process is a worker's main process, its tree and its group. Its exit may come before the tree is known.
type process struct {
	main  *reaper.Process
	group *cgroup.Group // nil: it has none
	// whose it is: for those who come beside it
	slot, generation int
	kills            kills

	mu   sync.Mutex
	tree *tree.Tree
	end  *reaper.Status // came early
}

func (p *process) exited(s reaper.Status, tell func(supervise.Exit)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tree == nil {
		p.end = &s
		return
	}
	p.tell(s, tell)
}

// tell tells of the exit. Nothing has been done to the group yet.
func (p *process) tell(s reaper.Status, tell func(supervise.Exit)) {
	e := exit(s)
	e.OOMKilled = p.oomKilled(s)
	p.tree.Exited()
	tell(e)
}

func (p *process) begin(main *reaper.Process, t *tree.Tree, tell func(supervise.Exit)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.main, p.tree = main, t
	if p.end != nil {
		p.tell(*p.end, tell)
	}
}

func exit(s reaper.Status) supervise.Exit {
	if sig := s.Signal(); sig != 0 {
		return supervise.Exit{Signal: sig}
	}
	return supervise.Exit{Code: s.Code()}
}

func (p *process) PID() int { return p.main.PID() }

func (p *process) Signal(sig unix.Signal) error {
	p.kills.asked(sig)
	return p.main.Signal(sig)
}

func (p *process) SignalGroup(sig unix.Signal) error {
	p.kills.asked(sig)
	return p.main.SignalGroup(sig)
}

func (p *process) AwaitTree(sig unix.Signal) { p.tree.Await(sig) }

func (p *process) KillTree() {
	p.kills.asked(unix.SIGKILL)
	p.tree.Kill()
}
