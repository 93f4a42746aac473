// Package pid1 is PID 1's life: boot, signals in, the order of the end, the exit status; and command mode, in which
// goinit is one program's init and nothing else (docs/command-mode.md).
//
// Its invariant: PID 1 does not die before its child, loses no signal that the kernel delivered to it, and passes on
// exactly what it was given. It blocks in one place, where it waits for a signal.
//
// Only main.go of goinit calls this package. It may use reaper; nothing else forks or waits.
package pid1

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"goinit/init/entry"

	"golang.org/x/sys/unix"
)

// Exit statuses that are goinit's own, as a shell's are; 64 is EX_USAGE of sysexits.h.
const (
	exitUsage         = 64
	exitNotExecutable = 126
	exitNotFound      = 127
)

// Version and Commit are set by build.sh.
var (
	Version = "0.1.0-dev"
	Commit  = "unknown"
)

// Mode is a personality of the executable.
type Mode int

const (
	CommandMode Mode = iota // one child
	RunMode                 // a spec
	CtlMode                 // the client, which is another executable
	VersionMode
)

// ModeOf chooses by the first argument; a name of another init leaves no choice. PID 1 without any runs its spec, if there
// is one.
func ModeOf(args []string) Mode {
	if len(args) == 0 || standsFor(args[0]) != "" {
		return CommandMode
	}
	if len(args) == 1 {
		if unix.Getpid() == 1 {
			if path, _, _ := findSpec(true, lookup(entry.Environ())); path != "" {
				return RunMode
			}
		}
		return CommandMode
	}
	switch args[1] {
	case "run":
		return RunMode
	case "ctl":
		return CtlMode
	case "version":
		return VersionMode
	}
	return CommandMode
}

// standsFor is the other init whose name goinit was called by, "" for its own.
func standsFor(argv0 string) string {
	switch name := filepath.Base(argv0); name {
	case "tini", "tini-static", "docker-init":
		return "tini"
	case "dumb-init":
		return name
	}
	return ""
}

// Command is command mode: it runs the command of the arguments and returns the exit status.
func Command(args []string) int {
	if len(args) == 0 {
		args = []string{"goinit"}
	}
	signals, err := openSignals() // first of all: without the entry stub, a signal until then ends goinit
	if err != nil {
		say("goinit: cannot receive signals: " + err.Error())
		return exitNotExecutable
	}
	env := entry.Environ()
	o, err := parseOptions(args, env)
	if err != nil {
		say("goinit: " + err.Error())
		return exitUsage
	}
	switch {
	case o.help && standsFor(args[0]) == "dumb-init":
		return print1(usage + dumbInitUsage)
	case o.help:
		return print1(usage)
	case o.version && standsFor(args[0]) == "tini":
		return print1("tini version " + Version + "-goinit - git." + Commit) // what docker info reads
	case o.version:
		return print1(versionText())
	case o.license:
		return print1("goinit is licensed under the Apache License, Version 2.0: https://www.apache.org/licenses/LICENSE-2.0")
	case len(o.argv) == 0:
		say("goinit: " + nothingToRun(findSpec(unix.Getpid() == 1, lookup(env))))
		return exitUsage
	}
	return runCommand(signals, o, env)
}

// PrintVersion is goinit version.
func PrintVersion() int {
	return print1(versionText())
}

func versionText() string {
	how := "entry stub"
	if !entry.Active() {
		how = "no entry stub: signals may be lost at the start, real-time signals merge"
	}
	return "goinit version " + Version + " (git " + Commit + ", " + runtime.Version() + ", " + runtime.GOOS + "/" + runtime.GOARCH + ", " + how + ")"
}

// print1 writes an answer to standard output and returns the exit status.
func print1(text string) int {
	if _, err := os.Stdout.WriteString(text + "\n"); err != nil {
		say("goinit: " + err.Error())
		return 1
	}
	return 0
}

// Ctl executes the client beside us; it returns only if that fails.
func Ctl(args []string) int {
	path := clientPath()
	// The client is given the signals as we were: see entry.
	mask := entry.Mask()
	set := unix.Sigset_t{Val: [16]uint64{mask}}
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &set, nil)
	err := unix.Exec(path, append([]string{"goinitctl"}, args[2:]...), entry.Environ())
	if errors.Is(err, unix.ENOENT) {
		say("goinit: cannot run ctl: " + path + " is missing; goinit is two files\n" +
			"  Dockerfile: COPY --from=goinit /sbin/goinit /sbin/goinitctl /sbin/")
	} else {
		say("goinit: cannot run ctl: exec " + path + ": " + err.Error())
	}
	return 1
}

// clientPath is goinitctl, beside us.
func clientPath() string {
	if self, err := os.Readlink("/proc/self/exe"); err == nil {
		return filepath.Join(filepath.Dir(strings.TrimSuffix(self, " (deleted)")), "goinitctl")
	}
	return "/sbin/goinitctl"
}

// nothingToRun explains a goinit without a command. Only PID 1 runs a spec that it has not been asked to run.
func nothingToRun(path string, looked []string, _ error) string {
	if path != "" {
		return "nothing to run: no command was given\n" +
			"  the apps of " + path + ": goinit run      one program: goinit -- CMD [ARG…]"
	}
	return "nothing to run: no command was given and no spec was found\n" +
		"  looked for: " + strings.Join(looked, ", ") + "\n" +
		"  one program:      ENTRYPOINT [\"/sbin/goinit\", \"--\"]   CMD [\"node\", \"server.js\"]\n" +
		"  several programs: COPY goinit.yaml /etc/goinit/       (a first one: goinit ctl init)"
}
