package top

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"goinit/control"
)

var epoch = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// silent is a goinit that is never asked here: what it would answer is given to the model as messages. TestTop… of package
// integration has a real one.
type silent struct{}

func (silent) Look(context.Context, []string) (Reading, error) {
	return Reading{}, errors.New("not here")
}
func (silent) Events(context.Context, time.Time, func(control.Event)) error { return nil }
func (silent) Logs(context.Context, string, func(string)) error             { return nil }
func (silent) Order(context.Context, Order) (string, error)                 { return "", nil }

// worker is one that runs and has used so many seconds of CPU time.
func worker(app string, slot, pid int, cpu float64, memory uint64) control.Worker {
	name := fmt.Sprintf("%s/%d", app, slot)
	return control.Worker{App: app, Slot: &slot, Worker: &name, PID: &pid, State: control.Running, Ready: true, StateSince: epoch.Add(-time.Minute),
		CPUSeconds: &cpu, MemoryBytes: &memory}
}

func reading(after time.Duration, workers ...control.Worker) Reading {
	return Reading{At: epoch.Add(after), Info: control.Info{Instance: "shop", State: "running", StartedAt: epoch.Add(-time.Hour), Access: "write"}, Workers: workers}
}

func shop(after time.Duration) Reading {
	s := after.Seconds()
	return reading(after, worker("web", 0, 10, s, 1<<20), worker("web", 1, 11, 0, 3<<20), worker("db", 0, 12, s/2, 2<<20))
}

func newTest(t *testing.T, r Reading) *model {
	t.Helper()
	m := newModel(t.Context(), silent{}, r, Options{Interval: time.Second})
	m.root = t.TempDir()
	m.machine = readMachine(m.root, Machine{})
	return m
}

func (m *model) shown() string {
	lines := m.screen()
	for i, l := range lines {
		lines[i] = strings.TrimRight(ansi.Strip(l), " ")
	}
	return strings.Join(lines, "\n")
}

func (m *model) keys(names ...string) {
	for _, k := range names {
		key := tea.KeyPressMsg{Text: k}
		switch k {
		case "enter":
			key = tea.KeyPressMsg{Code: tea.KeyEnter}
		case "esc":
			key = tea.KeyPressMsg{Code: tea.KeyEscape}
		case "down":
			key = tea.KeyPressMsg{Code: tea.KeyDown}
		case "end":
			key = tea.KeyPressMsg{Code: tea.KeyEnd}
		case "pgup":
			key = tea.KeyPressMsg{Code: tea.KeyPgUp}
		default:
			key.Code = []rune(k)[0]
		}
		m.Update(key)
	}
}

func want(t *testing.T, screen string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(screen, text) {
			t.Errorf("no %q in\n%s", text, screen)
		}
	}
}

func TestScreen(t *testing.T) {
	m := newTest(t, shop(0))
	m.Update(readMsg{reading: shop(2 * time.Second), machine: m.machine})
	want(t, m.shown(), "goinit shop  running, up 60m  3 workers: 3 running", "workers 150.0% cpu, 6144Ki, - tasks;",
		">- web     running    2/2             62s          0  100.0%   4096Ki       -",
		"   web/0   running    yes        10   62s          0  100.0%   1024Ki       -",
		"   web/1   running    yes        11   62s          0    0.0%   3072Ki       -",
		" db/0      running    yes        12   62s          0   50.0%   2048Ki       -", "q: leave")
	m.Update(tea.WindowSizeMsg{Width: 40, Height: 10})
	want(t, m.shown(), "goinit shop", "WORKER^", "100.0%", "?: keys  q: leave")
	m.Update(tea.WindowSizeMsg{Width: 200, Height: 50})
	want(t, m.shown(), "CPU GRAPH", "MEMORY GRAPH", "NOTE", "#")
}

// No line is wider than the window and none too many, whatever is shown, in windows of all sizes.
func TestEverySize(t *testing.T) {
	m := newTest(t, shop(0))
	m.reading.Workers[0].Message = "a\tb" + strings.Repeat("漢\x1b[2J\u202e", 20)
	m.log = newTail()
	for range 30 {
		m.log.add("漢字 " + strings.Repeat("e\u0301🙂", 60) + "\ttab")
		m.happened(&control.Event{At: epoch, App: "web", Type: "reload.started", Data: []byte(`{"workers":3,"detail":"\u001b[2J"}`)})
	}
	for _, show := range []func(){
		func() {},
		func() { m.showEvent = true },
		func() { m.zoomed = true },
		func() { m.showLog, m.showEvent = false, false },
		func() { m.showEvent, m.zoomed = true, false },
		func() { m.showEvent = false; m.keys("/", "w") },
		func() { m.keys("esc", "R") },
		func() { m.keys("esc", "n") },
		func() { m.keys("esc"); m.lost = errors.New("a\nb") },
		func() { m.help() },
		func() { m.keys("end"); m.page.lines = append(m.page.lines, strings.Repeat("long ", 200)) },
	} {
		show()
		for _, width := range []int{0, 1, 2, 9, 10, 31, 40, 59, 60, 80, 81, 119, 200} {
			for _, height := range []int{0, 1, 3, 5, 6, 10, 13, 14, 24} {
				m.Update(tea.WindowSizeMsg{Width: width, Height: height})
				lines := m.screen()
				if len(lines) > max(height, 1) {
					t.Fatalf("%d lines in a window of %d×%d", len(lines), width, height)
				}
				for _, l := range lines {
					if w := ansi.StringWidth(l); w > width {
						t.Fatalf("%d columns in a window of %d×%d: %q", w, width, height, l)
					}
					if text := ansi.Strip(l); strings.ContainsAny(text, "\x1b\u202e\t\r") {
						t.Fatalf("not harmless: %q", text)
					}
				}
			}
		}
	}
}

func (m *model) names() (names []string) {
	for _, i := range m.rows {
		names = append(names, i.name)
	}
	return names
}

func wantRows(t *testing.T, m *model, names string) {
	t.Helper()
	if got := strings.Join(m.names(), " "); got != names {
		t.Errorf("rows %s, want %s", got, names)
	}
}

func TestSortFilterFold(t *testing.T) {
	m := newTest(t, shop(0))
	m.Update(readMsg{reading: shop(2 * time.Second)})
	wantRows(t, m, "web web/0 web/1 db/0")
	for m.sortBy != "MEMORY" {
		m.keys(">")
	}
	wantRows(t, m, "web web/1 web/0 db/0") // the largest first
	m.keys("o")
	wantRows(t, m, "db/0 web web/0 web/1")
	m.keys("g")
	wantRows(t, m, "web/0 db/0 web/1")
	m.keys("g", "/", "w", "e")
	wantRows(t, m, "web web/0 web/1")
	m.keys("esc")
	wantRows(t, m, "db/0 web web/0 web/1")
	m.keys("/", "d", "enter")
	wantRows(t, m, "db/0")
	want(t, m.shown(), "only rows with d; Esc shows all")
	m.keys("esc", "end", "enter") // from a worker its app is folded
	wantRows(t, m, "db/0 web")
	if m.current().name != "web" {
		t.Error(m.current().name)
	}
	m.keys("f")
	wantRows(t, m, "db/0 web web/0 web/1")
}

// The selection stays with its worker, and where that has gone in its place.
func TestSelectionStays(t *testing.T) {
	m := newTest(t, shop(0))
	m.keys("down", "down")
	r := shop(time.Second)
	r.Workers = append([]control.Worker{worker("a", 0, 9, 0, 0)}, r.Workers...)
	m.Update(readMsg{reading: r})
	if m.current().name != "web/1" {
		t.Error(m.current().name)
	}
	m.Update(readMsg{reading: reading(time.Second, r.Workers[0])})
	if m.current().name != "a/0" {
		t.Error(m.current().name)
	}
	m.Update(readMsg{reading: reading(time.Second)})
	want(t, m.shown(), "0 workers", "there are no apps")
	m.keys("R", "n", "x", "enter", "down", "end")
}

func TestMouse(t *testing.T) {
	m := newTest(t, shop(0))
	click := func(x, y int) { m.Update(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft}) }
	titles := strings.Split(m.shown(), "\n")[2]
	at := strings.Index(titles, "MEMORY")
	click(at, 2)
	if m.sortBy != "MEMORY" || !m.descending {
		t.Errorf("sorted by %s", m.sortBy)
	}
	click(at, 2)
	if m.descending {
		t.Error("the same order")
	}
	m.keys("<", "<", "<", "<", "<", "<")
	click(3, 5)
	if m.selected != 2 {
		t.Errorf("row %d is selected", m.selected)
	}
	m.Update(tea.MouseWheelMsg{X: 3, Y: 5, Button: tea.MouseWheelUp})
	click(3, 3+m.selected)
	if m.current().isApp() && !m.folded[m.current().app] {
		t.Error("a click on the selected app does not fold it")
	}
	for y := range 24 { // nothing is there to be hit everywhere
		click(79, y)
		m.Update(tea.MouseWheelMsg{X: 79, Y: y, Button: tea.MouseWheelDown})
	}
}

// Who may only look is told so, and not asked.
func TestReadOnly(t *testing.T) {
	r := shop(0)
	r.Info.Access = "read"
	m := newTest(t, r)
	want(t, m.shown(), "goinit shop (you may only look)", "z: zoom")
	for _, k := range []string{"r", "R", "s", "S", "p", "P", "n", "x"} {
		m.keys(k)
		if m.asked != nil || m.prompt != nil {
			t.Fatalf("%s asks", k)
		}
		want(t, m.shown(), "is for root and goinit's own user: you may only look")
	}
}

func TestOrders(t *testing.T) {
	for _, tt := range []struct {
		keys []string
		text string
		want Order
	}{
		{[]string{"r"}, "replace all 2 workers of web, each when its successor is ready? y/n", Order{Verb: "reload", Target: "web"}},
		{[]string{"down", "R"}, "stop web/0 (pid 10) and start again; not served meanwhile? y/n", Order{Verb: "restart", Target: "web/0"}},
		{[]string{"down", "S"}, "stop web/0 (pid 10), and leave it stopped? y/n", Order{Verb: "stop", Target: "web/0"}},
		{[]string{"s"}, "start all 2 workers of web? y/n", Order{Verb: "start", Target: "web"}},
		{[]string{"end", "p"}, "suspend every process of db/0 (pid 12) until it is resumed? y/n", Order{Verb: "pause", Target: "db/0"}},
		{[]string{"end", "P"}, "let db/0 (pid 12) go on? y/n", Order{Verb: "resume", Target: "db/0"}},
		{[]string{"n", "0", "enter"}, "change web from 2 workers to 20? y/n", Order{Verb: "scale", Target: "web", Workers: 20}},
		{[]string{"down", "x", "h", "u", "p", "enter"}, "send HUP to the main process of web/0 (pid 10)? y/n", Order{Verb: "signal", Target: "web/0", Signal: "HUP"}},
	} {
		m := newTest(t, shop(0))
		m.keys(tt.keys...)
		if m.asked == nil || m.asked.order != tt.want {
			t.Fatalf("%v: %+v\n%s", tt.keys, m.asked, m.shown())
		}
		want(t, m.shown(), tt.text)
		m.keys("x")
		if m.pending != 0 || m.asked != nil {
			t.Errorf("%v: another key than y does it", tt.keys)
		}
		m.keys(append([]string{"esc"}, tt.keys[len(tt.keys)-1])...)
	}
	m := newTest(t, shop(0))
	m.keys("R", "y")
	want(t, m.shown(), "restart web is under way")
	m.Update(doneMsg{order: Order{Verb: "restart", Target: "web"}, err: errors.New("goinit ctl: no\x1b[2J\n  do this\n" + strings.Repeat("line\n", 40) + "the end")})
	want(t, m.shown(), "restart web failed", "goinit ctl: no^[[2J", "  do this", "lines 1-22 of 43")
	m.keys("end")
	want(t, m.shown(), "the end")
	m.keys("esc")
	want(t, m.shown(), "restart web failed", "WORKER")
	for range mostPending {
		m.keys("R", "y")
	}
	m.keys("R")
	want(t, m.shown(), "orders are under way; wait for one")
}

// What is typed is about the row that was selected when it was asked for: neither the wheel nor a reading without it changes that.
func TestOrderStaysWithItsRow(t *testing.T) {
	for _, tt := range []struct {
		keys []string
		want Order
	}{
		{[]string{"x", "9"}, Order{Verb: "signal", Target: "web/1", Signal: "9"}},
		{[]string{"n", "0"}, Order{Verb: "scale", Target: "web", Workers: 20}},
	} {
		m := newTest(t, shop(0))
		m.keys("down", "down")
		m.keys(tt.keys...)
		m.Update(tea.MouseWheelMsg{X: 3, Y: 4, Button: tea.MouseWheelDown})
		if m.current().name != "web/1" {
			t.Errorf("%s is selected", m.current().name)
		}
		m.Update(readMsg{reading: reading(time.Second, worker("db", 0, 12, 0, 0), worker("web", 0, 10, 0, 0), worker("web", 2, 13, 0, 0))})
		m.keys("enter")
		if m.asked == nil || m.asked.order != tt.want {
			t.Errorf("%v: %+v, want %+v", tt.keys, m.asked, tt.want)
		}
		m.Update(tea.MouseWheelMsg{X: 3, Y: 4, Button: tea.MouseWheelDown})
		m.keys("n")
	}
}

// Panes that have the window give it back to the table when they are put away.
func TestZoomOfNothing(t *testing.T) {
	m := newTest(t, shop(0))
	m.keys("z")
	if s := m.shown(); strings.Contains(s, "WORKER") {
		t.Errorf("the log has not all of the window:\n%s", s)
	}
	m.keys("l")
	want(t, m.shown(), "WORKER", "web/1")
	m.keys("l")
	want(t, m.shown(), "log of web")
}

// goinit that does not answer is told of, and its state stays on the screen; another one has other events.
func TestLostAndBack(t *testing.T) {
	m := newTest(t, shop(0))
	m.happened(&control.Event{At: epoch, App: "web", Type: "reload.started", Data: []byte(`{"workers":2}`)})
	want(t, m.shown(), "reload of web: 0 of 2 replaced")
	m.Update(readMsg{err: errors.New("no goinit answers\nremedy")})
	want(t, m.shown(), "does not answer for", "web/1")
	m.keys("R")
	want(t, m.shown(), "restart: goinit does not answer")
	r := shop(time.Second)
	r.Info.StartedAt = epoch
	m.Update(readMsg{reading: r})
	if s := m.shown(); strings.Contains(s, "reload of web") || strings.Contains(s, "does not answer for") {
		t.Error(s)
	}
	r.Info.State = "stopping"
	m.happened(&control.Event{At: epoch, Type: "shutdown.started", Data: []byte(`{"reason":"SIGTERM"}`)})
	m.Update(readMsg{reading: r})
	want(t, m.shown(), "goinit is stopping everything: SIGTERM")
}

// However long it runs and whatever comes and goes, what is kept has a bound.
func TestBounded(t *testing.T) {
	m := newTest(t, shop(0))
	for n := range 3 * linesKept {
		m.happened(&control.Event{At: epoch, App: "web", Type: strings.Repeat("x", 2*lineKept)})
		if n%10 == 0 {
			m.Update(readMsg{reading: reading(time.Duration(n)*time.Second, worker("web", n, n+1, 0, 0), worker(fmt.Sprint("a", n), 0, n+2, 0, 0))})
		}
	}
	if len(m.uses) != 4 || len(m.events.lines) != linesKept || len(m.rows) > 4 { // two workers, two apps
		t.Errorf("%d uses, %d events, %d rows", len(m.uses), len(m.events.lines), len(m.rows))
	}
	for _, l := range m.events.last(linesKept) {
		if len(l) > lineKept {
			t.Fatalf("a line of %d bytes", len(l))
		}
	}
}

// A reading asks for the details of those on the screen, of the others by turns, and never of many.
func TestDetails(t *testing.T) {
	var all []control.Worker
	for n := range 300 {
		all = append(all, worker("web", n, n+1, 0, 0))
	}
	m := newTest(t, reading(0, all...))
	seen := make(map[string]bool)
	for range 8 {
		names := m.details()
		if len(names) != detailsAtOnce || names[0] != "web/0" {
			t.Fatalf("%d: %v", len(names), names)
		}
		for _, n := range names {
			seen[n] = true
		}
	}
	if len(seen) != 300 {
		t.Errorf("%d were asked for", len(seen))
	}
}

func TestTail(t *testing.T) {
	l := newTail()
	if got := l.last(5); len(got) != 0 {
		t.Errorf("%q", got)
	}
	for n := range linesKept + 7 {
		l.add(fmt.Sprint(n))
	}
	all, n := l.still()
	if got := fmt.Sprintln(l.last(2), len(all), all[0], n, l.total()); got != fmt.Sprintf("[%d %d] %d 7 %d %d\n", linesKept+5, linesKept+6, linesKept, linesKept+7, linesKept+7) {
		t.Error(got)
	}
	l.add(strings.Repeat("é", lineKept))
	if got := l.last(1)[0]; len(got) > lineKept || strings.Trim(got, "é") != "" {
		t.Errorf("%d bytes, %q", len(got), strings.Trim(got, "é"))
	}
}

// What one has scrolled back to stays in sight in a flood, and how much is below is told; from there one goes on to what has
// come since, while that is kept, and else to the newest.
func TestScrolledBack(t *testing.T) {
	m := newTest(t, shop(0))
	m.keys("z")
	m.log, m.logOf = newTail(), m.wanted()
	count := 0
	flood := func(n int) {
		for range n {
			m.log.add(fmt.Sprintf("line %d.", count))
			count++
		}
		m.Update(linesMsg{m.log})
	}
	height := m.panes().log
	seen := func(first, back int) {
		t.Helper()
		title := " log of web"
		if back > 0 {
			title += fmt.Sprintf(", %d lines back (End: the newest)", back)
		}
		lines := strings.Split(m.shown(), "\n")[2:]
		for i, line := range lines[:height+1] {
			want := title
			if i > 0 {
				want = fmt.Sprintf("line %d.", first+i-1)
			}
			if strings.TrimRight(line, " ") != want {
				t.Fatalf("%q, want %q in\n%s", line, want, m.shown())
			}
		}
	}
	step := height - 1
	flood(500)
	seen(500-height, 0)
	m.keys("pgdown")
	seen(500-height, 0)
	m.keys("pgup", "pgup")
	at := 500 - height - 2*step
	seen(at, 2*step)
	flood(100)
	seen(at, 2*step+100)
	flood(10 * linesKept) // nothing is left of it in the tail
	seen(at, 2*step+100+10*linesKept)
	m.keys("pgup")
	seen(at-step, 3*step+100+10*linesKept)
	for range 500 / step {
		m.keys("pgup")
	}
	seen(0, count-height)
	m.keys("end")
	seen(count-height, 0)

	m.keys("pgup")
	flood(50)
	at = count - 50 - height - step
	seen(at, 50+step)
	m.keys("pgdown", "pgdown")
	seen(at+2*step, 50-step)
	for range 50 / step {
		m.keys("pgdown")
	}
	seen(count-height, 0)
	m.keys("pgup")
	flood(2 * linesKept)
	m.keys("pgdown")
	seen(count-height, 0)
	m.keys("pgup", "z", "z")
	seen(count-height, 0)

	m.keys("pgup")
	for h := range 40 { // a window of any height
		m.Update(tea.WindowSizeMsg{Width: 80, Height: h})
		m.shown()
		m.keys("pgup", "pgdown", "pgup")
		m.shown()
	}
}

func TestSpark(t *testing.T) {
	var s samples
	for _, v := range []float64{0, 1, 50, 100, math.NaN()} {
		s.add(v)
	}
	if got := spark(&s, 6, 100, false); got != "  .=# " {
		t.Errorf("%q", got)
	}
	if got := spark(&s, 3, 100, true); got != " \u28e0\u2847" {
		t.Errorf("%q", got)
	}
	for range 500 {
		s.add(rand.Float64() * 300)
		for _, unicode := range []bool{true, false} {
			if w := ansi.StringWidth(spark(&s, 12, 100, unicode)); w != 12 {
				t.Fatalf("%d cells", w)
			}
		}
	}
}

// A share of a CPU needs two readings of one process.
func TestUse(t *testing.T) {
	u := newUse()
	take := func(pid int, cpu float64, after time.Duration) float64 {
		w := worker("web", 0, pid, cpu, 5)
		u.take(&w, nil, epoch.Add(after))
		return u.cpu
	}
	if v := take(1, 10, 0); !math.IsNaN(v) {
		t.Error(v)
	}
	if v := take(1, 11, 2*time.Second); v != 50 {
		t.Error(v)
	}
	if v := take(2, 3, 4*time.Second); !math.IsNaN(v) {
		t.Error(v)
	}
	if v := take(2, 2, 6*time.Second); v != 0 { // a counter that goes back is none of ours
		t.Error(v)
	}
	u.take(&control.Worker{App: "web", State: control.Stopped}, nil, epoch)
	if !math.IsNaN(u.memory) || !math.IsNaN(u.cpu) {
		t.Errorf("%+v", u)
	}
}

func TestMachine(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m := readMachine(root, Machine{})
	if !math.IsNaN(m.Memory) || !math.IsNaN(m.Busy) || m.CPUs < 1 {
		t.Errorf("of nothing: %+v", m)
	}
	write("proc/loadavg", "1.00 2.00 3.00 1/2 3\n")
	write("proc/meminfo", "MemTotal:       4096 kB\nMemFree: 1 kB\nMemAvailable:   1024 kB\n")
	write("proc/stat", "cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1\n")
	m = readMachine(root, Machine{})
	if m.Load != "1.00 2.00 3.00" || m.Memory != 4096<<10 || m.Used != 3072<<10 || m.Container {
		t.Errorf("%+v", m)
	}
	write("proc/stat", "cpu  150 0 150 800 100 0 0 0 90 0\ncpu0 1\n")
	write("sys/fs/cgroup/memory.max", "1048576\n")
	write("sys/fs/cgroup/memory.current", "524288\n")
	write("sys/fs/cgroup/cpu.max", "50000 100000\n")
	m = readMachine(root, m)
	if m.Busy != 50 || m.Memory != 1<<20 || m.Used != 1<<19 || !m.Container || m.CPUs != 0.5 {
		t.Errorf("%+v", m)
	}
	write("sys/fs/cgroup/memory.max", "max\n")
	write("sys/fs/cgroup/cpu.max", "max 100000\n")
	write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
	if m = readMachine(root, m); m.Container || m.CPUs < 1 {
		t.Errorf("%+v", m)
	}
}

// Every key of the help does something, and none twice.
func TestBindings(t *testing.T) {
	of := make(map[string]string)
	for _, b := range bindings() {
		for _, k := range strings.Fields(b.keys) {
			if of[k] != "" {
				t.Errorf("%s is %q and %q", k, of[k], b.help)
			}
			of[k] = b.help
		}
		if b.do == nil || b.help == "" || b.name == "" {
			t.Errorf("%+v", b)
		}
	}
}
