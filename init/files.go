package pid1

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"goinit/spec"
	"goinit/supervise"
	"goinit/watch"

	"golang.org/x/sys/unix"
)

// files is the room watch as package supervise wants it. Apps that want the same have one Watcher together: with
// goinit run --watch that is most of them, and the kernel counts watches.
type files struct {
	dir   string   // where relative working_dirs start
	never []string // what goinit writes itself
	drain string   // the file that it has workers of a Node cluster load
	turns sync.Mutex

	mu      sync.Mutex
	shared  map[string]*sharedFiles
	loaders map[string]*appFiles // by app: those whose workers tell what they load on the channel that node: has given them
}

// sharedFiles is a Watcher and who wants to hear of it.
type sharedFiles struct {
	watcher *watch.Watcher
	users   map[*appFiles]func(supervise.FileNews)
	watched *watch.News // nil: not all of it is yet
}

// appFiles are those of one app. One of shared and watcher may be nil: it has a Watcher with others, or its own, or none
// could be had.
type appFiles struct {
	files   *files
	key     string
	app     string // of those that tell on the channel that node: has given them
	watcher *watch.Watcher
	mu      sync.Mutex
	reports map[*os.File]bool // channels on which workers tell what they have loaded
	loaded  []loaded          // what was told on others, and is not watched yet
	waiting int               // bytes of that
	adding  bool              // somebody sees to that
	closed  bool
}

// loaded is one word of a worker.
type loaded struct {
	paths   []string
	started time.Time // the worker
}

// maxLoaded is how much may wait while a disk is slow, in bytes of what was said: some 40,000 files, of which no more than
// a third would be watched. What is beyond is not heard.
const maxLoaded = 4 << 20

func (r *runner) newFiles(s *spec.Spec) *files {
	f := &files{dir: r.dir, shared: map[string]*sharedFiles{}, loaders: map[string]*appFiles{}}
	if directories, _, ok := r.logDirectories(s); ok {
		f.never = directories
	}
	return f
}

// watchAll is goinit run --watch. A job has what was changed with its next run.
func (r *runner) watchAll(apps []spec.App) {
	for i := range apps {
		if a := &apps[i]; r.options.watch && a.Watch == nil && !a.Job() {
			a.Watch = spec.NewWatch()
		}
	}
}

// tellsLoaded reports whether an app's program can be asked which files it has loaded: it is node itself. A shell or npm
// between would take the channel, or leave its name to a node that does not have it, which ends that.
func tellsLoaded(a *spec.App) bool {
	return len(a.Watch.Paths) == 0 && slices.Contains([]string{"node", "nodejs"}, filepath.Base(a.Command[0]))
}

func (f *files) plan(a *spec.App) watch.Plan {
	dir := a.WorkingDir
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(f.dir, dir)
	}
	p := watch.Plan{Dir: dir, Paths: a.Watch.Paths, Ignore: slices.Concat(a.Watch.Ignore, f.never), Delay: time.Duration(a.Watch.Delay), Turns: &f.turns}
	if len(p.Paths) == 0 && !tellsLoaded(a) {
		p.Paths = []string{"."}
	}
	return p
}

// Open begins to watch an app's files.
func (f *files) Open(a *spec.App, told func(supervise.FileNews)) supervise.FileWatch {
	plan := f.plan(a)
	if tellsLoaded(a) {
		w, err := watch.New(plan, func(n watch.News) { told(newsOf(n)) })
		if err != nil {
			told(supervise.FileNews{Err: err})
		}
		one := &appFiles{files: f, watcher: w, reports: map[*os.File]bool{}}
		if a.NodeChannel() != spec.NodeOff {
			one.app = a.Name
			f.mu.Lock()
			f.loaders[a.Name] = one
			f.mu.Unlock()
		}
		return one
	}
	one := &appFiles{files: f, key: fmt.Sprintf("%q %q %q %v", plan.Dir, plan.Paths, plan.Ignore, plan.Delay)}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.shared[one.key]
	if s == nil {
		s = &sharedFiles{users: map[*appFiles]func(supervise.FileNews){}}
		var err error
		if s.watcher, err = watch.New(plan, func(n watch.News) { f.tell(s, n) }); err != nil {
			told(supervise.FileNews{Err: err})
			return one
		}
		f.shared[one.key] = s
	} else if s.watched != nil {
		told(newsOf(*s.watched))
	}
	s.users[one] = told
	return one
}

func (f *files) tell(s *sharedFiles, n watch.News) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n.Kind == watch.Watching {
		s.watched = &n
	}
	for _, told := range s.users {
		told(newsOf(n))
	}
}

func newsOf(n watch.News) supervise.FileNews {
	return supervise.FileNews{Path: n.Path, Directories: n.Directories, Err: n.Err}
}

// Close ends it.
func (a *appFiles) Close() {
	if a.key == "" {
		a.closeOwn()
		return
	}
	a.files.mu.Lock()
	defer a.files.mu.Unlock()
	s := a.files.shared[a.key]
	if s == nil || s.users[a] == nil {
		return
	}
	delete(s.users, a)
	if len(s.users) == 0 {
		delete(a.files.shared, a.key)
		s.watcher.Close()
	}
}

func (a *appFiles) closeOwn() {
	if a.app != "" {
		a.files.mu.Lock()
		if a.files.loaders[a.app] == a {
			delete(a.files.loaders, a.app)
		}
		a.files.mu.Unlock()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for f := range a.reports {
		f.Close()
	}
	if a.watcher != nil {
		a.watcher.Close()
	}
}

// Given opens a channel to a worker that can tell what it loads, as Node has it to its parent: a socket pair whose
// one end is inherited under the number in NODE_CHANNEL_FD. Without one, what was loaded before is watched on.
func (a *appFiles) Given(g supervise.Given) supervise.Given {
	switch {
	case a.watcher == nil:
		return g
	case a.app != "":
		g.Environment = append(slices.Clone(g.Environment), watch.ReportVariable)
		return g
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return g
	}
	_ = unix.SetNonblock(fds[0], true) // ours waits on the runtime's poller; Node sets its own
	ours := os.NewFile(uintptr(fds[0]), "node channel")
	a.mu.Lock()
	a.reports[ours] = true
	if a.closed {
		ours.Close()
	}
	a.mu.Unlock()
	started := time.Now()
	go func() {
		watch.Reports(ours, func(paths []string) { a.watcher.AddFiles(paths, started) })
		a.mu.Lock()
		delete(a.reports, ours)
		a.mu.Unlock()
		ours.Close()
	}()
	number := 3
	for _, taken := g.Files[number]; taken; _, taken = g.Files[number] {
		number++
	}
	both, _ := g.With(supervise.Given{ // the number is free
		Files:       map[int]int{number: fds[1]},
		Environment: []string{fmt.Sprintf("NODE_CHANNEL_FD=%d", number), "NODE_CHANNEL_SERIALIZATION_MODE=json", watch.ReportVariable},
		Close:       func() { unix.Close(fds[1]) },
	})
	return both
}

// loads is a word of a worker on the channel that node: has given it. It must not wait for a disk.
func (f *files) loads(app string, line []byte, started time.Time) {
	f.mu.Lock()
	a := f.loaders[app]
	f.mu.Unlock()
	paths := slices.DeleteFunc(watch.Reported(line), func(path string) bool { return path == f.drain })
	if a == nil || a.watcher == nil || len(paths) == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting += len(line); a.closed || a.waiting > maxLoaded {
		return
	}
	a.loaded = append(a.loaded, loaded{paths, started})
	if !a.adding {
		a.adding = true
		go a.add()
	}
}

// add watches what was told, until nothing is left of it.
func (a *appFiles) add() {
	for {
		a.mu.Lock()
		all := a.loaded
		a.loaded, a.waiting, a.adding = nil, 0, len(all) > 0 && !a.closed
		more := a.adding
		a.mu.Unlock()
		if !more {
			return
		}
		for _, l := range all {
			a.watcher.AddFiles(l.paths, l.started)
		}
	}
}
