// Package spec is the ground floor: what runs, as plain types. They are what is left of a user's file once it has been
// read, checked, completed with defaults and, in PID 1, expanded; everything above speaks in them.
//
// reference.yaml beside this file is the binding list of keys. A field is named as its key; absent is the zero value where
// zero means absent, a nil pointer where it does not. Durations are nanoseconds inside and text with a unit ("10s") in
// JSON, sizes bytes inside and IEC text ("256MiB") in JSON.
//
// This package decodes, completes and compares. It opens no file, resolves no user and starts nothing.
package spec

import "time"

// Spec is a whole file.
type Spec struct {
	Version  int      `json:"version"`
	Name     string   `json:"name,omitempty"`
	Shutdown Shutdown `json:"shutdown"`
	Control  Control  `json:"control"`
	Messages Messages `json:"messages"`
	LogStore LogStore `json:"log_store"`
	Gateway  *Gateway `json:"gateway,omitempty"`
	Apps     []App    `json:"apps"` // in the order of the file
}

// Shutdown is how goinit itself ends.
type Shutdown struct {
	Timeout *Duration `json:"timeout,omitempty"` // nil: auto
	Delay   Duration  `json:"delay,omitempty"`
}

// Control is the socket.
type Control struct {
	Socket    string `json:"socket,omitempty"` // empty: auto
	ReadGroup string `json:"read_group,omitempty"`
}

// Messages are goinit's own lines.
type Messages struct {
	Level  string `json:"level,omitempty"`  // error, warn, info, debug
	Format string `json:"format,omitempty"` // auto, text, json
}

// LogStore is where logs are kept.
type LogStore struct {
	Directory string `json:"directory,omitempty"` // auto, off, or a path
	MaxTotal  Size   `json:"max_total,omitempty"`
}

// Gateway is the HTTP helper.
type Gateway struct {
	Listen string `json:"listen"`
}

// App is one entry of apps:. All defaults are filled in.
type App struct {
	Name    string   `json:"name"`
	Command []string `json:"command"` // the words; shell: X is ["/bin/sh", "-c", X]

	WorkingDir         string     `json:"working_dir,omitempty"`
	Environment        []Variable `json:"environment,omitempty"` // in the order of the file
	EnvFile            []EnvFile  `json:"env_file,omitempty"`
	InheritEnvironment bool       `json:"inherit_environment"`
	Enabled            bool       `json:"enabled"`
	Tags               []string   `json:"tags,omitempty"`

	User            string            `json:"user,omitempty"` // name, or uid[:gid]
	GroupAdd        []string          `json:"group_add,omitempty"`
	Umask           string            `json:"umask,omitempty"` // octal digits
	Nice            *int              `json:"nice,omitempty"`
	IONice          string            `json:"ionice,omitempty"` // class[:level]
	OOMScoreAdj     *int              `json:"oom_score_adj,omitempty"`
	Ulimits         map[string]Ulimit `json:"ulimits,omitempty"` // by the names of prlimit(1): nofile, core, …
	Capabilities    Capabilities      `json:"capabilities,omitzero"`
	NoNewPrivileges bool              `json:"no_new_privileges,omitempty"`

	Workers    Workers        `json:"workers"`
	MaxWorkers int            `json:"max_workers,omitempty"`
	Increment  map[string]int `json:"increment,omitempty"`

	DependsOn []Dependency `json:"depends_on,omitempty"`
	Main      bool         `json:"main,omitempty"`

	Restart   Restart `json:"restart"`
	OnFailure string  `json:"on_failure"` // shutdown, ignore
	Stop      Stop    `json:"stop"`
	Logs      Logs    `json:"logs"`
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
	Soft uint64 `json:"soft"`
	Hard uint64 `json:"hard"`
}

// Unlimited is RLIM_INFINITY.
const Unlimited = ^uint64(0)

// Capabilities are names without CAP_; drop may hold ALL.
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
	Condition string `json:"condition"` // started, ready, completed
	Required  bool   `json:"required"`
	Restart   bool   `json:"restart,omitempty"` // restart with it
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

// Stop is the one way out.
type Stop struct {
	Drain   Duration `json:"drain,omitempty"`
	Signal  string   `json:"signal"` // SIGTERM
	Target  string   `json:"target"` // process, tree
	Timeout Duration `json:"timeout"`
}

// Logs is where a worker's output goes.
type Logs struct {
	Console   string   `json:"console"` // auto, prefix, json, raw, inherit, off
	MaxSize   Size     `json:"max_size,omitempty"`
	MaxFiles  int      `json:"max_files,omitempty"`
	MaxAge    Duration `json:"max_age,omitempty"`
	WhenFull  string   `json:"when_full,omitempty"`  // block, drop
	RateLimit int      `json:"rate_limit,omitempty"` // lines a second; 0: none
}

// Duration is a time.Duration that is text in JSON.
type Duration time.Duration

// Size is a number of bytes that is IEC text in JSON.
type Size int64
