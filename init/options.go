package pid1

import (
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"goinit/signame"

	"golang.org/x/sys/unix"
)

// options of command mode.
type options struct {
	argv        []string // the command
	group       bool
	subreaper   bool // accepted: it is so anyway
	parentDeath unix.Signal
	remap       map[int]int
	rewrite     map[unix.Signal]unix.Signal
	hold        map[unix.Signal]time.Duration
	stopGrace   time.Duration
	warnReaped  bool
	verbosity   level

	help, version, license bool
}

// flag is one option: its letter (0: none), its name, the name of its argument, and what it does. The environment
// variable is GOINIT_ and the name in capitals; a repeatable flag takes a list with commas or spaces there.
type flag struct {
	letter   byte
	name     string
	argument string
	set      func(o *options, value string) (remedy string)
}

func noValue(v string) (remedy string) {
	if v != "" {
		return "it takes no value; GOINIT_VERBOSITY takes -1 to 2"
	}
	return ""
}

const needsBool = "write 1 or 0"

func boolFlag(letter byte, name string, of func(*options) *bool) flag {
	return flag{letter, name, "", func(o *options, v string) string {
		switch v {
		case "", "1", "true", "yes", "on":
			*of(o) = true
		case "0", "false", "no", "off":
			*of(o) = false
		default:
			return needsBool
		}
		return ""
	}}
}

var flags = []flag{
	boolFlag('g', "kill-process-group", func(o *options) *bool { return &o.group }),
	boolFlag('s', "subreaper", func(o *options) *bool { return &o.subreaper }),
	{'p', "parent-death-signal", "SIG", (*options).setParentDeath},
	{'e', "remap-exit", "CODE[:CODE]", (*options).addRemap},
	{'r', "rewrite", "SIG:SIG", (*options).addRewrite},
	{0, "hold", "SIG:DURATION", (*options).addHold},
	{0, "stop-grace", "DURATION", (*options).setStopGrace},
	boolFlag('w', "warn-reaped", func(o *options) *bool { return &o.warnReaped }),
	{'v', "verbose", "", func(o *options, v string) string { o.verbosity++; return noValue(v) }},
	{'q', "quiet", "", func(o *options, v string) string { o.verbosity = levelError; return noValue(v) }},
	boolFlag('h', "help", func(o *options) *bool { return &o.help }),
	boolFlag(0, "version", func(o *options) *bool { return &o.version }),
	boolFlag('l', "license", func(o *options) *bool { return &o.license }),
}

// dumbInitFlags are known only under that name, where they come first.
var dumbInitFlags = []flag{
	boolFlag('c', "single-child", func(o *options) *bool { return new(bool) }),
	boolFlag('V', "version", func(o *options) *bool { return &o.version }),
	{'v', "verbose", "", func(o *options, v string) string { o.verbosity = levelDebug; return noValue(v) }},
}

const usage = `usage: goinit [flags] [--] CMD [ARG…]
  -g, --kill-process-group          forward signals to the child's process group
  -s, --subreaper                   accepted; when not PID 1 goinit is a child subreaper anyway
  -p, --parent-death-signal SIG     when goinit's own parent dies
  -e, --remap-exit CODE[:CODE]      treat exit CODE as 0, or as the second (repeatable)
  -r, --rewrite SIG:SIG             forward another signal, 0 = drop (repeatable)
      --hold SIG:DURATION           wait before forwarding it (load-balancer drain)
      --stop-grace DURATION         after the child's exit: TERM to what is left, then KILL (default 0: at once)
  -w, --warn-reaped                 log each reaped orphan
  -v, -q                            more / less of goinit's own messages
  -h, --help   --version   -l, --license
environment: GOINIT_ and the flag's name, as GOINIT_STOP_GRACE=5s; a list for the repeatable ones; GOINIT_VERBOSITY=-1…2;
  TINI_SUBREAPER, TINI_KILL_PROCESS_GROUP, TINI_VERBOSITY, DUMB_INIT_SETSID=0 and DUMB_INIT_DEBUG=1 are honoured too
exit status: the command's; 128+N if signal N killed it; 127 not found; 126 not executable; 64 usage`

const dumbInitUsage = `
called dumb-init: -g is the default; -c, --single-child undoes it; -v tells of each signal; -V is --version`

// usageError is a mistake on the command line or in a setting: status 64, EX_USAGE.
type usageError struct{ what, remedy string }

func (e *usageError) Error() string { return e.what + "\n  " + e.remedy }

// parseOptions reads the environment, then the command line, which overrules it, up to the first word that is no flag: what follows belongs
// to the command, whatever it looks like.
func parseOptions(args []string, env []string) (*options, error) {
	o := &options{remap: map[int]int{}, rewrite: map[unix.Signal]unix.Signal{}, hold: map[unix.Signal]time.Duration{}}
	known := flags
	if filepath.Base(args[0]) == "dumb-init" {
		o.group = true
		known = append(dumbInitFlags[:len(dumbInitFlags):len(dumbInitFlags)], flags...)
		known[0].set = func(o *options, _ string) string { o.group = false; return "" }
	}
	mistake := o.settings(env)
	rest := args[1:]
	for len(rest) > 0 {
		word := rest[0]
		if word == "--" {
			rest = rest[1:]
			break
		}
		if len(word) < 2 || word[0] != '-' {
			break
		}
		var err error
		if strings.HasPrefix(word, "--") {
			rest, err = o.long(known, rest)
		} else {
			rest, err = o.short(known, rest)
		}
		if err != nil {
			return nil, err
		}
	}
	if mistake != nil && !o.help && !o.version && !o.license {
		return nil, mistake
	}
	o.argv = rest
	return o, nil
}

// settings applies the environment: other inits' names first, so that goinit's own overrule them in whatever order a
// container runtime has put them. It returns the first mistake.
func (o *options) settings(env []string) (mistake error) {
	for _, own := range [...]bool{false, true} {
		for _, kv := range env {
			name, value, _ := strings.Cut(kv, "=")
			if strings.HasPrefix(name, "GOINIT_") != own {
				continue
			}
			if err := o.setting(name, value); err != nil && mistake == nil {
				mistake = err
			}
		}
	}
	return mistake
}

func (o *options) long(known []flag, words []string) (rest []string, err error) {
	name, value, given := strings.Cut(words[0][2:], "=")
	for _, f := range known {
		if f.name != name {
			continue
		}
		if f.argument == "" && !given {
			return words[1:], o.apply("--"+name, f, "")
		}
		if !given {
			if len(words) < 2 {
				return nil, &usageError{"--" + name + " needs a value", "write --" + name + " " + f.argument}
			}
			return words[2:], o.apply("--"+name, f, words[1])
		}
		return words[1:], o.apply("--"+name, f, value)
	}
	return nil, unknownFlag("--" + name)
}

func (o *options) short(known []flag, words []string) (rest []string, err error) {
	letters := words[0][1:]
	for i := range len(letters) {
		f, ok := findLetter(known, letters[i])
		if !ok {
			return nil, unknownFlag("-" + letters[i:i+1])
		}
		word := "-" + letters[i:i+1]
		switch {
		case f.argument == "":
			if err := o.apply(word, f, ""); err != nil {
				return nil, err
			}
		case i+1 < len(letters):
			return words[1:], o.apply(word, f, letters[i+1:])
		case len(words) < 2:
			return nil, &usageError{word + " needs a value", "write " + word + " " + f.argument}
		default:
			return words[2:], o.apply(word, f, words[1])
		}
	}
	return words[1:], nil
}

func findLetter(known []flag, letter byte) (flag, bool) {
	for _, f := range known {
		if f.letter == letter {
			return f, true
		}
	}
	return flag{}, false
}

func unknownFlag(word string) error {
	return &usageError{"unknown flag " + word, "flags of the command follow it; all of goinit's: goinit --help"}
}

func (o *options) apply(word string, f flag, value string) error {
	if remedy := f.set(o, value); remedy != "" {
		return &usageError{word + " " + strconv.Quote(value) + " is not " + expectation(f), remedy}
	}
	return nil
}

func expectation(f flag) string {
	switch f.argument {
	case "SIG":
		return "a signal that can be used"
	case "SIG:SIG":
		return "a pair of signals that can be used"
	case "SIG:DURATION":
		return "a signal and a duration that can be used"
	case "DURATION":
		return "a duration"
	case "CODE[:CODE]":
		return "an exit code, or a pair of them"
	}
	return "what it takes"
}

// setting applies one variable of the environment, if it is one of ours.
func (o *options) setting(name, value string) error {
	switch name {
	case "TINI_SUBREAPER":
		o.subreaper = true
	case "TINI_KILL_PROCESS_GROUP":
		o.group = true
	case "TINI_VERBOSITY": // 1 is its default: warnings
		if n, err := strconv.Atoi(value); err == nil {
			o.verbosity = level(n) - 1
		}
	case "DUMB_INIT_SETSID":
		if value == "0" {
			o.group = false
		}
	case "DUMB_INIT_DEBUG":
		if value == "1" {
			o.verbosity = levelDebug
		}
	case "GOINIT_VERBOSITY":
		n, err := strconv.Atoi(value)
		if err != nil {
			return &usageError{name + " " + strconv.Quote(value) + " is not a number", "-1 errors, 0 warnings, 1 info, 2 debug"}
		}
		o.verbosity = level(n)
	default:
		return o.flagSetting(name, value)
	}
	return nil
}

func (o *options) flagSetting(name, value string) error {
	f, ok := flagOfSetting(name)
	if !ok {
		return nil
	}
	values := []string{value}
	if strings.Contains(f.argument, ":") {
		values = strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
	}
	for _, v := range values {
		if v == "" && f.argument != "" {
			continue
		}
		if err := o.apply(name, f, v); err != nil {
			return err
		}
	}
	return nil
}

// flagOfSetting finds the flag of a variable. Not every flag is one: a container that only ever prints its version is
// of no use.
func flagOfSetting(name string) (flag, bool) {
	rest, ok := strings.CutPrefix(name, "GOINIT_")
	if !ok {
		return flag{}, false
	}
	for _, f := range flags {
		switch f.name {
		case "help", "version", "license", "verbose", "quiet":
			continue
		}
		if strings.ToUpper(strings.ReplaceAll(f.name, "-", "_")) == rest {
			return f, true
		}
	}
	return flag{}, false
}

// isSetting reports whether a variable is one of goinit's own, which the command is not given.
func isSetting(kv string) bool {
	name, _, _ := strings.Cut(kv, "=")
	_, ok := flagOfSetting(name)
	return ok || name == "GOINIT_VERBOSITY"
}

const signalRemedy = "signals are written TERM, SIGTERM, 15 or RTMIN+3"

// catchable signals come to goinit to be forwarded.
func catchable(sig unix.Signal) bool {
	return sig != unix.SIGKILL && sig != unix.SIGSTOP && sig != unix.SIGCHLD
}

const neverSeen = "KILL, STOP and CHLD are never forwarded, so there is nothing to do it with"

func (o *options) setParentDeath(v string) string {
	sig, ok := signame.Parse(v)
	if !ok {
		return signalRemedy
	}
	if !catchable(sig) {
		return "goinit itself would get it and could not forward it; to kill the command: -p TERM -r TERM:KILL"
	}
	o.parentDeath = sig
	return ""
}

func (o *options) addRemap(v string) string {
	from, to, given := strings.Cut(v, ":")
	f, err := strconv.Atoi(from)
	t := 0
	if given && err == nil {
		t, err = strconv.Atoi(to)
	}
	if err != nil || f < 0 || f > 255 || t < 0 || t > 255 {
		return "an exit code is 0 to 255: 143 makes it 0, 143:1 makes it 1"
	}
	o.remap[f] = t
	return ""
}

func (o *options) addRewrite(v string) string {
	from, to, given := strings.Cut(v, ":")
	f, ok := signame.Parse(from)
	t, ok2 := signame.Parse(to)
	if to == "0" {
		t, ok2 = 0, true
	}
	if !given || !ok || !ok2 {
		return signalRemedy + ": TERM:QUIT sends QUIT for TERM, TERM:0 drops it"
	}
	if !catchable(f) {
		return neverSeen
	}
	o.rewrite[f] = t
	return ""
}

func (o *options) addHold(v string) string {
	name, duration, _ := strings.Cut(v, ":")
	sig, ok := signame.Parse(name)
	if !ok {
		return signalRemedy + ": TERM:5s"
	}
	if !catchable(sig) {
		return neverSeen
	}
	d, remedy := parseDuration(duration)
	if remedy != "" {
		return remedy + "; here: TERM:5s"
	}
	o.hold[sig] = d
	return ""
}

func (o *options) setStopGrace(v string) (remedy string) {
	o.stopGrace, remedy = parseDuration(v)
	return remedy
}

func parseDuration(v string) (d time.Duration, remedy string) {
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return 0, "a duration carries a unit: 500ms, 5s, 1m30s"
	}
	return d, ""
}
