package watch

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// What Node says is read, whatever else is said on the channel.
func TestReports(t *testing.T) {
	long := `{"watch:require":["/` + strings.Repeat("x", maxReport) + `"]}`
	said := strings.Join([]string{
		`{"watch:require":["/srv/app.js","/srv/lib/a b.js"]}`,
		`{"cmd":"NODE_HANDLE","msg":{"watch:require":["/not/this"]}}`,
		`"ready"`,
		`{"watch:import":["file:///srv/m%20n.mjs","node:fs","https://example.org/x.js"]}`,
		`not JSON "watch:require"`,
		long,
		`{"watch:require":"/not/a/list"}`,
		`{"watch:require":["relative"]}`,
		`{"watch:import":["file:///srv/100%.mjs"]}`,
		`{"watch:require":["/last.js"]}`,
		`{"watch:require":["/cut/off`,
	}, "\n")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		w.WriteString(said)
		w.Close()
	}()
	var got []string
	Reports(r, func(paths []string) { got = append(got, paths...) })
	r.Close()
	want := []string{"/srv/app.js", "/srv/lib/a b.js", "/srv/m n.mjs", "/srv/100%.mjs", "/last.js"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzReported(f *testing.F) {
	f.Add(`{"watch:import":["file:///a%zz","file://%"]}`)
	f.Fuzz(func(t *testing.T, line string) {
		for _, path := range Reported([]byte(line)) {
			if !strings.HasPrefix(path, "/") {
				t.Errorf("%q", path)
			}
		}
	})
}

func TestPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern, path string
		counts, below bool
	}{
		{".", "/srv", true, true},
		{".", "/srv/a/b", true, true},
		{".", "/", false, true},
		{".", "/srv2", false, false},
		{"src", "/srv/src", true, true},
		{"src", "/srv/src/x", true, true},
		{"src", "/srv/srcs", false, false},
		{"src", "/srv", false, true},
		{"../x", "/x/y", true, true},
		{"/", "/etc", true, true},
		{"*.js", "/srv/a.js", true, true},
		{"*.js", "/srv/a.ts", false, false},
		{"*.js", "/srv/d/a.js", false, false},
		{"*.js", "/srv", false, true},
		{"src/**/*.js", "/srv/src/a.js", true, true},
		{"src/**/*.js", "/srv/src/a/b/c.js", true, true},
		{"src/**/*.js", "/srv/src/a/b", false, true},
		{"src/**/*.js", "/srv/lib/a.js", false, false},
		{"**/x", "/srv/x", true, true},
		{"packages/*/src", "/srv/packages/a/src/deep/file", true, true},
		{"packages/*/src", "/srv/packages/a", false, true},
		{"packages/*/src", "/srv/packages/a/test", false, false},
		{"a[0-9]", "/srv/a7", true, true},
		{"**", "/srv/x/y", true, true},
	} {
		p, err := newPattern("/srv", tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if counts, below := p.match(tt.path); counts != tt.counts || below != tt.below {
			t.Errorf("%s, %s: counts %v below %v, want %v %v", tt.pattern, tt.path, counts, below, tt.counts, tt.below)
		}
	}
	if _, err := newPattern("/srv", "a["); err == nil {
		t.Error("a[ is a pattern")
	}
}

func TestIgnore(t *testing.T) {
	for _, tt := range []struct {
		rules, path string
		want        bool
	}{
		{"node_modules", "/srv/node_modules/", true},
		{"node_modules", "/srv/a/b/node_modules/", true},
		{"node_modules/", "/srv/node_modules", false},
		{"node_modules/", "/srv/node_modules/", true},
		{"*.log", "/srv/a/x.log", true},
		{"*.log !keep.log", "/srv/a/keep.log", false},
		{"*.log !keep.log keep.*", "/srv/a/keep.log", true},
		{"/dist", "/srv/dist/", true},
		{"/dist", "/srv/a/dist/", false},
		{"./dist", "/srv/dist/", true},
		{"a/b", "/srv/a/b", true},
		{"a/b", "/srv/x/a/b", false},
		{"**/a/b", "/srv/x/a/b", true},
		{"logs/**", "/srv/logs/x", true},
		{"/srv/data", "/srv/data/", true},
		{"/var/log/goinit", "/var/log/goinit/", true},
		{"! ! /", "/srv/a", false},
		{"", "/proc/", true},
		{"!proc", "/proc/", false},
		{"", "/srv/proc/", false},
		{"", "/srv/.a.swp", true},
		{"", "/srv/a~", true},
		{"", "/srv/4913", true},
		{"", "/srv/a~/", false},
	} {
		w := &Watcher{plan: Plan{Dir: "/srv"}}
		for _, text := range strings.Fields(tt.rules) {
			if r := newRule(text); len(r.names) > 0 {
				w.ignore = append(w.ignore, r)
			}
		}
		path, folder := strings.CutSuffix(tt.path, "/")
		if got := w.ignored(path, folder); got != tt.want {
			t.Errorf("%q, %s: ignored %v, want %v", tt.rules, tt.path, got, tt.want)
		}
	}
}
