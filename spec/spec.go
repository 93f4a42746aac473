// Package spec is the ground floor: what runs, as plain types. They are what is left of a user's file once it has been
// read, checked, expanded and completed with defaults; everything above speaks in them.
//
// The way there has two halves. goinitctl (package spec/compile) reads what people write and leaves JSON, in which ${VAR} is
// still to be read. PID 1 gives that JSON, or one written by hand, to Load, which expands, decodes and completes it. The
// invariant: a *Spec that Load returned holds no default to fill in, no reference to expand and no value that its key does
// not take; whoever has one need not check again.
//
// A field is named as its key in reference.yaml, which binds; absent is the zero value where zero means absent, a nil
// pointer where it does not. Durations are text with a unit ("10s") in JSON, sizes IEC text ("256MiB").
//
// This package decodes, completes and compares. It resolves no user and starts nothing; the files it opens (ReadEnvFile,
// ReadSecret) are those it is asked for, within a bound. Anybody may call it.
package spec

// Spec is a whole file.
type Spec struct {
	Version  int       `json:"version"`
	Name     string    `json:"name,omitempty"` // empty: that of the working directory
	Compiled *Compiled `json:"compiled,omitempty"`
	Shutdown Shutdown  `json:"shutdown,omitzero"`
	Control  Control   `json:"control,omitzero"`
	Messages Messages  `json:"messages"`
	LogStore LogStore  `json:"log_store,omitzero"`
	Gateway  *Gateway  `json:"gateway,omitempty"` // nil: there is none
	Apps     []App     `json:"apps"`              // in the order of the file

	// Guests are the apps that are not of the file itself: who adds some says so.
	Guests []string `json:"-"`
	// Unset names the variables that ${…} asked for, that had neither value nor default, and that became empty.
	Unset []string `json:"-"`
}

// Shutdown is how goinit itself ends.
type Shutdown struct {
	Timeout *Duration `json:"timeout,omitempty"` // nil: auto
	Delay   Duration  `json:"delay,omitempty"`   // part of it: not ready, and serving on
}

// Control is the socket.
type Control struct {
	Socket    string `json:"socket,omitempty"` // empty: auto
	ReadGroup string `json:"read_group,omitempty"`
}

// Messages are goinit's own lines.
type Messages struct {
	Level  string `json:"level"`  // error, warn, info, debug
	Format string `json:"format"` // auto, text, json
}

// LogStore is where logs are kept.
type LogStore struct {
	Directory string `json:"directory"` // a path, auto, memory, off
	MaxTotal  Size   `json:"max_total"`
	Compress  string `json:"compress"` // none, zstd: what becomes of a closed segment
}

// Gateway is the helper that answers over HTTP: probes and metrics.
type Gateway struct {
	Listen string `json:"listen"` // as package cluster/address writes it; TCP
}

// App is one entry of apps:. All defaults are filled in.
type App struct {
	Name    string   `json:"name"`
	Command []string `json:"command"` // the words; shell: X is ["/bin/sh", "-c", X]

	WorkingDir         string     `json:"working_dir"`
	Environment        []Variable `json:"environment,omitempty"` // in the order of the file
	EnvFile            []EnvFile  `json:"env_file,omitempty"`
	InheritEnvironment bool       `json:"inherit_environment"`
	Enabled            bool       `json:"enabled"`
	Tags               []string   `json:"tags,omitempty"`

	User            string            `json:"user,omitempty"` // name, or uid[:gid]
	GroupAdd        []string          `json:"group_add,omitempty"`
	Umask           string            `json:"umask,omitempty"` // octal digits; empty: goinit's
	Nice            *int              `json:"nice,omitempty"`
	IONice          string            `json:"ionice,omitempty"` // class[:level]
	OOMScoreAdj     *int              `json:"oom_score_adj,omitempty"`
	Ulimits         map[string]Ulimit `json:"ulimits,omitempty"` // by the names of prlimit(1): nofile, core, …
	Capabilities    Capabilities      `json:"capabilities,omitzero"`
	NoNewPrivileges bool              `json:"no_new_privileges,omitempty"`

	Workers    Workers        `json:"workers"`
	MaxWorkers int            `json:"max_workers"` // what auto never exceeds
	Increment  map[string]int `json:"increment,omitempty"`
	Listen     []Listen       `json:"listen,omitempty"`
	Balance    string         `json:"balance"` // auto, reuseport, shared, round-robin
	Node       string         `json:"node"`    // auto, cluster, ipc, off; NodeChannel says which
	// NodePreload has a worker of Node's cluster load goinit's drain.cjs.
	NodePreload bool `json:"node_preload"`

	DependsOn []Dependency `json:"depends_on,omitempty"`
	Main      bool         `json:"main,omitempty"`

	Readiness *Readiness `json:"readiness,omitempty"` // nil: ready once executed
	Liveness  *Liveness  `json:"liveness,omitempty"`  // nil: nobody asks

	Restart   Restart   `json:"restart"`
	OnFailure string    `json:"on_failure"`         // shutdown, ignore
	Schedule  *Schedule `json:"schedule,omitempty"` // nil: it is no job
	Recycle   Recycle   `json:"recycle,omitzero"`
	Reload    Reload    `json:"reload,omitzero"`
	Stop      Stop      `json:"stop"`
	Watch     *Watch    `json:"watch,omitempty"` // nil: the spec says nothing of it
	Hooks     Hooks     `json:"hooks,omitzero"`
	Resources Resources `json:"resources,omitzero"`
	Logs      Logs      `json:"logs"`
}

// Variable is one of the environment: a value, or the file that holds it (a secret).
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
	File  string `json:"file,omitempty"`
}

// EnvFile is a file of variables in compose's format.
type EnvFile struct {
	Path     string `json:"path"`
	Required bool   `json:"required"`
}

// Ulimit is one of setrlimit(2); Unlimited is RLIM_INFINITY.
type Ulimit struct {
	Soft uint64
	Hard uint64
}

// Capabilities are names without CAP_; Drop may hold ALL.
type Capabilities struct {
	Drop []string `json:"drop,omitempty"`
	Add  []string `json:"add,omitempty"`
}

// Workers is a count, or auto.
type Workers struct {
	Auto  bool
	Count int
}

// Dependency says what another app must be before this one starts.
type Dependency struct {
	App       string `json:"app"`
	Condition string `json:"condition"`         // started, ready, completed
	Required  bool   `json:"required"`          // false: one that fails, or that there is not, holds nobody up
	Restart   bool   `json:"restart,omitempty"` // restart when it has come again
}

// Restart is what to do when a worker's process ends by itself.
type Restart struct {
	Policy       string   `json:"policy"` // always, on-failure, no
	SuccessCodes []int    `json:"success_codes"`
	Delay        Duration `json:"delay"`
	MaxDelay     Duration `json:"max_delay"`
	ResetAfter   Duration `json:"reset_after"`
	MaxRestarts  *int     `json:"max_restarts,omitempty"` // nil: no limit
	Window       Duration `json:"window,omitempty"`       // what MaxRestarts counts in; 0: ever
}

// Hooks are commands around each process of a worker, run in its place.
type Hooks struct {
	BeforeStart []string `json:"before_start,omitempty"` // status 0: start; 125: never again; else a failed start
	AfterExit   []string `json:"after_exit,omitempty"`   // with the exit in GOINIT_EXIT_…; status 125: never again
	Timeout     Duration `json:"timeout,omitempty"`      // of one
}

// Stop is the one way out.
type Stop struct {
	Signal  string   `json:"signal"` // SIGTERM; ParseSignal has its number
	Target  string   `json:"target"` // process, tree
	Timeout Duration `json:"timeout"`
	// Drain is the time to finish what it has, ahead of Timeout; nil: the default. App.Drain is what comes of it.
	Drain *Duration `json:"drain,omitempty"`
}

// Logs is where a worker's output goes.
type Logs struct {
	Console   string   `json:"console"` // auto, prefix, json, raw, inherit, off
	MaxSize   Size     `json:"max_size"`
	MaxFiles  int      `json:"max_files"`
	MaxAge    Duration `json:"max_age"`              // 0: for ever
	WhenFull  string   `json:"when_full"`            // block, drop
	RateLimit *int     `json:"rate_limit,omitempty"` // lines a second; nil: no limit
}
