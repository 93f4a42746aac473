package pid1

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestParseOptions(t *testing.T) {
	for _, c := range []struct {
		args string // words
		env  string
		want func(o *options) bool
	}{
		{"goinit -- a -g", "", func(o *options) bool { return !o.group && slices.Equal(o.argv, []string{"a", "-g"}) }},
		{"goinit a -g --version", "", func(o *options) bool { return !o.group && !o.version && len(o.argv) == 3 }},
		{"goinit -g -- -x", "", func(o *options) bool { return o.group && slices.Equal(o.argv, []string{"-x"}) }},
		{"goinit -sgvv a", "", func(o *options) bool { return o.subreaper && o.group && o.verbosity == 2 }},
		{"goinit -q a", "", func(o *options) bool { return o.verbosity == levelError }},
		{"goinit - a", "", func(o *options) bool { return slices.Equal(o.argv, []string{"-", "a"}) }},
		{"goinit -e143 -e 7:8 --remap-exit=9 a", "", func(o *options) bool { return len(o.remap) == 3 && o.remap[143] == 0 && o.remap[7] == 8 }},
		{"goinit -gr TERM:QUIT --rewrite 10:0 a", "", func(o *options) bool {
			return o.group && o.rewrite[unix.SIGTERM] == unix.SIGQUIT && o.rewrite[unix.SIGUSR1] == 0 && len(o.rewrite) == 2
		}},
		{"goinit --hold TERM:5s --hold=INT:100ms --stop-grace 1m a", "", func(o *options) bool {
			return o.hold[unix.SIGTERM] == 5*time.Second && o.hold[unix.SIGINT] == 100*time.Millisecond && o.stopGrace == time.Minute
		}},
		{"goinit -p USR1 a", "", func(o *options) bool { return o.parentDeath == unix.SIGUSR1 }},
		{"goinit a", "GOINIT_VERBOSITY=0 GOINIT_KILL_PROCESS_GROUP=0 TINI_VERBOSITY=3 TINI_KILL_PROCESS_GROUP=", func(o *options) bool {
			return o.verbosity == levelWarn && !o.group
		}},
		{"goinit --help", "GOINIT_STOP_GRACE=soon", func(o *options) bool { return o.help }},
		{"goinit a", "GOINIT_KILL_PROCESS_GROUP=1 GOINIT_STOP_GRACE=2s GOINIT_REMAP_EXIT=1,2:3 GOINIT_VERBOSITY=1 GOINIT_HOLD=TERM:1s", func(o *options) bool {
			return o.group && o.stopGrace == 2*time.Second && o.remap[1] == 0 && o.remap[2] == 3 && o.verbosity == levelInfo && len(o.hold) == 1
		}},
		{"goinit a", "GOINIT_KILL_PROCESS_GROUP=0", func(o *options) bool { return !o.group }},
		{"goinit a", "TINI_KILL_PROCESS_GROUP= TINI_SUBREAPER= TINI_VERBOSITY=3", func(o *options) bool { return o.group && o.subreaper && o.verbosity == levelDebug }},
		{"goinit a", "TINI_VERBOSITY=0", func(o *options) bool { return o.verbosity == levelError }},
		{"dumb-init a", "", func(o *options) bool { return o.group }},
		{"/usr/bin/dumb-init -c a", "", func(o *options) bool { return !o.group }},
		{"dumb-init --single-child --rewrite 15:3 a", "", func(o *options) bool { return !o.group && o.rewrite[15] == 3 }},
		{"dumb-init a", "DUMB_INIT_SETSID=0 DUMB_INIT_DEBUG=1", func(o *options) bool { return !o.group && o.verbosity == levelDebug }},
		{"dumb-init -V", "", func(o *options) bool { return o.version }},
		{"tini --version", "", func(o *options) bool { return o.version }},
	} {
		o, err := parseOptions(strings.Fields(c.args), strings.Fields(c.env))
		if err != nil {
			t.Errorf("%s (%s): %v", c.args, c.env, err)
		} else if !c.want(o) {
			t.Errorf("%s (%s): %+v", c.args, c.env, o)
		}
	}
}

func TestParseOptionsRefuses(t *testing.T) {
	for _, c := range []struct{ args, env, names string }{
		{"goinit --nope a", "", "--nope"},
		{"goinit -gx a", "", "-x"},
		{"goinit -c a", "", "-c"},
		{"goinit -p", "", "-p"},
		{"goinit --hold", "", "--hold"},
		{"goinit -p NOPE a", "", "NOPE"},
		{"goinit -p KILL a", "", "KILL"},
		{"goinit -r STOP:TERM a", "", "STOP"},
		{"goinit --hold CHLD:5s a", "", "CHLD"},
		{"goinit -e 256 a", "", "256"},
		{"goinit -e 1:x a", "", "1:x"},
		{"goinit -r TERM a", "", "TERM"},
		{"goinit -r TERM:65 a", "", "TERM:65"},
		{"goinit --hold TERM:5 a", "", "TERM:5"},
		{"goinit --stop-grace -1s a", "", "-1s"},
		{"goinit a", "GOINIT_STOP_GRACE=soon", "GOINIT_STOP_GRACE"},
		{"goinit a", "GOINIT_VERBOSITY=x", "GOINIT_VERBOSITY"},
		{"goinit a", "GOINIT_WARN_REAPED=perhaps", "GOINIT_WARN_REAPED"},
	} {
		_, err := parseOptions(strings.Fields(c.args), strings.Fields(c.env))
		var u *usageError
		if !errors.As(err, &u) || !strings.Contains(u.what, c.names) || u.remedy == "" {
			t.Errorf("%s (%s): %v", c.args, c.env, err)
		}
	}
}

func FuzzParseOptions(f *testing.F) {
	f.Add("-e 1:2 -r TERM:0 a", "GOINIT_HOLD=TERM:1s")
	f.Fuzz(func(t *testing.T, args, env string) {
		o, err := parseOptions(append([]string{"goinit"}, strings.Fields(args)...), strings.Fields(env))
		if (o == nil) == (err == nil) {
			t.Fatalf("%v, %v", o, err)
		}
		var u *usageError
		if err != nil && (!errors.As(err, &u) || u.what == "" || u.remedy == "") {
			t.Fatalf("not a mistake with a remedy: %v", err)
		}
		if o == nil {
			return
		}
		if words := strings.Fields(args); !slices.Equal(o.argv, words[len(words)-len(o.argv):]) {
			t.Fatalf("the command %q is not the end of %q", o.argv, words)
		}
		for sig := range o.rewrite {
			if !catchable(sig) {
				t.Fatalf("%v is rewritten", sig)
			}
		}
	})
}

// Only goinit's own settings are kept from the command.
func TestIsSetting(t *testing.T) {
	for kv, want := range map[string]bool{
		"GOINIT_STOP_GRACE=1s": true, "GOINIT_VERBOSITY=1": true, "GOINIT_WARN_REAPED=": true,
		"GOINIT_SPEC=x": false, "TINI_SUBREAPER=": false, "PATH=/bin": false, "GOINIT_HELP=": false, "odd": false,
	} {
		if isSetting(kv) != want {
			t.Errorf("%s: %v", kv, !want)
		}
	}
}
