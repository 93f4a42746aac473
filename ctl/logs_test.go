package ctl

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"goinit/control"
	"goinit/control/controltest"
	"goinit/logs/query"
	"goinit/logs/segment"
)

// keep gives a goinit logs in files: what the scripts ask about.
func (b *bed) keep(t *testing.T, name string) {
	t.Helper()
	dir := filepath.Join(b.dir, "logs")
	web := newLog(t, dir, "web", 1)
	web.write(0, segment.Record{Slot: 0}, "listening on :8080\n")
	web.write(10, segment.Record{Slot: 1}, "GET /1\nGET /2\n")
	web.write(70, segment.Record{Slot: 0, Stderr: true}, "error: no space left on device\n")
	web = newLog(t, dir, "web", 2)
	web.write(75, segment.Record{Slot: 0, Partial: true}, "a long \n")
	web.write(75, segment.Record{Slot: 0}, "line\n")
	web.write(80, segment.Record{Slot: 1, Note: true}, "goinit: 7 lines lost here: the disk was full\n")
	web.write(300, segment.Record{Slot: 1}, "GET /3\n")
	db := newLog(t, dir, "db", 1)
	db.write(5, segment.Record{}, "ready\n")
	db.write(75, segment.Record{}, "saved\n")
	fake := b.fakes[name]
	fake.Lock()
	defer fake.Unlock()
	fake.Store = control.LogStoreReply{Place: "disk", Directory: dir, Bytes: 3 << 20, MaxTotal: 128 << 20, Lost: 7,
		Apps: []control.LogSize{{App: "db", Bytes: 1 << 20, Segments: 1}, {App: "web", Bytes: 2 << 20, Segments: 2, Lost: 7}}}
}

// logFile is a segment that a test writes.
type logFile struct {
	t        *testing.T
	log, idx string
	end      int64
}

func newLog(t *testing.T, dir, app string, number int) *logFile {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, app), 0o700); err != nil {
		t.Fatal(err)
	}
	path := func(k segment.Kind) string { return filepath.Join(dir, app, segment.Name(number, k)) }
	return &logFile{t: t, log: path(segment.Log), idx: path(segment.Index)}
}

// write appends text of a time in seconds after the epoch.
func (l *logFile) write(seconds int, r segment.Record, text string) {
	l.t.Helper()
	l.end += int64(len(text))
	r.Time, r.End = controltest.Epoch.Add(time.Duration(seconds)*time.Second).UnixNano(), l.end
	for path, b := range map[string][]byte{l.log: []byte(text), l.idx: r.Append(nil)} {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			l.t.Fatal(err)
		}
		if _, err := f.Write(b); err != nil {
			l.t.Fatal(err)
		}
		f.Close()
	}
}

// heard is what a goinit ctl prints that goes on, and its end.
type heard struct {
	mu   sync.Mutex
	text strings.Builder
	came chan struct{}
}

func (h *heard) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text.Write(b)
	select {
	case h.came <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (h *heard) until(t *testing.T, want string) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		h.mu.Lock()
		got := h.text.String()
		h.mu.Unlock()
		if strings.Contains(got, want) {
			return
		}
		select {
		case <-h.came:
		case <-deadline:
			t.Fatalf("%q did not come: %q", want, got)
		}
	}
}

// logs -f shows what there is, then what comes, and ends when goinit does.
func TestFollowLogs(t *testing.T) {
	b := newBed(t)
	srv := b.another(t, "shop")
	b.keep(t, "shop")
	out := &heard{came: make(chan struct{}, 1)}
	w := b.world
	w.stdout, w.stderr = out, out
	status := make(chan int, 1)
	go func() { status <- run(context.Background(), &w, []string{"logs", "-f", "-n", "1"}, Build{}) }()
	out.until(t, "web/1 | GET /3\n")
	newLog(t, filepath.Join(b.dir, "logs"), "web", 3).write(400, segment.Record{Slot: 0}, "new segment\n")
	out.until(t, "web/0 | new segment\n")
	newLog(t, filepath.Join(b.dir, "logs"), "mail", 1).write(500, segment.Record{Slot: 0}, "new app\n")
	out.until(t, "mail/0 | new app\n")
	srv.Close()
	if got := <-status; got != exitNoAnswer {
		t.Errorf("status %d; %s", got, out.text.String())
	}
	if got := out.text.String(); strings.Count(got, "\n") != 4 || !strings.HasSuffix(got, "goinit ctl: goinit has closed the connection\n") {
		t.Errorf("%q", got)
	}
}

// What is in memory, or in a directory that is not for us, comes by descriptors.
func TestHandedLogs(t *testing.T) {
	b := newBed(t, "shop")
	b.keep(t, "shop")
	want, _ := b.run(t, "logs")
	fake := b.fakes["shop"]
	fake.Lock()
	fake.Store.Place, fake.Store.Directory = "memory", ""
	for _, s := range []control.LogFile{{App: "web", Number: 1}, {App: "web", Number: 2, Open: true}, {App: "db", Number: 1, Open: true}} {
		file := controltest.LogFile{LogFile: s}
		for k, to := range map[segment.Kind]**os.File{segment.Log: &file.Data, segment.Index: &file.Index} {
			f, err := os.Open(filepath.Join(b.dir, "logs", s.App, segment.Name(s.Number, k)))
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				fake.Lock()
				defer fake.Unlock()
				f.Close()
			}()
			*to = f
		}
		fake.Files = append(fake.Files, file)
	}
	fake.Unlock()
	if got, status := b.run(t, "logs"); status != 0 || got != want {
		t.Errorf("status %d: %s\nwanted %s", status, got, want)
	}
	if got, _ := b.run(t, "logs", "web/0", "-n", "1"); got != "line\n" {
		t.Errorf("%q", got)
	}
}

// On a terminal nothing that a worker wrote is obeyed; in a pipe nothing is changed.
func TestLogsOnTerminal(t *testing.T) {
	b := newBed(t, "shop")
	b.keep(t, "shop")
	newLog(t, filepath.Join(b.dir, "logs"), "web", 3).write(400, segment.Record{}, "\x1b]0;a title\x07 and \xff\n")
	got, _ := b.run(t, "logs", "--since", "08:06", "-o", "raw")
	if want := "\x1b]0;a title\x07 and \xff\n"; got != want {
		t.Errorf("in a pipe %q, wanted %q", got, want)
	}
	b.world.terminal = true
	for format, want := range map[string]string{
		"raw": `^[]0;a title^G and \xff` + "\n", "short": `web/0 | ^[]0;a title^G and \xff` + "\n",
		"cri": `2026-11-21T08:06:40.100000000Z stdout F ^[]0;a title^G and \xff` + "\n",
	} {
		if got, _ := b.run(t, "logs", "--since", "08:06", "-o", format, "--no-pager"); got != want {
			t.Errorf("%s on a terminal: %q, wanted %q", format, got, want)
		}
	}
}

// The pager gets all, and when it ends early, so do we.
func TestPager(t *testing.T) {
	b := newBed(t, "shop")
	b.keep(t, "shop")
	pager := "sed s/^/page:/"
	getenv := b.world.getenv
	b.world.getenv = func(k string) string {
		if k == "PAGER" {
			return pager
		}
		return getenv(k)
	}
	b.world.terminal = true
	if got, status := b.run(t, "logs", "db"); status != 0 || got != "page:db/0 | ready\npage:db/0 | saved\n" {
		t.Errorf("status %d: %q", status, got)
	}
	for range 2000 {
		newLog(t, filepath.Join(b.dir, "logs"), "db", 2).write(100, segment.Record{}, strings.Repeat("a line\n", 64))
	}
	pager = "true"
	if got, status := b.run(t, "logs", "db"); status != 0 || got != "" {
		t.Errorf("status %d: %q", status, got)
	}
	pager = "/no/such/pager"
	if got, status := b.run(t, "logs", "db", "-n", "1", "--until", "08:02:00"); status != 0 || !strings.HasPrefix(got, "db/0 | ") {
		t.Errorf("status %d: %q", status, got)
	}
}

// A JSON line is what encoding/json makes of the text, and harmless itself.
func FuzzLineJSON(f *testing.F) {
	f.Add([]byte("a \"b\" \\ \x00\n\t\x1b\xff é \u2028 \u009b"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var out bytes.Buffer
		p := linePrinter{out: bufio.NewWriter(&out), format: "json"}
		if err := p.print(query.Line{App: "web", Slot: 1, At: 1, Text: b}); err != nil {
			t.Fatal(err)
		}
		p.out.Flush()
		var got control.LogLine
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatalf("%q: %v", out.String(), err)
		}
		if want := strings.ToValidUTF8(string([]rune(string(b))), ""); got.Line != want || *got.Worker != "web/1" || got.Stream != "stdout" {
			t.Errorf("%q: %q, wanted %q", b, got.Line, want)
		}
		for _, c := range bytes.TrimSuffix(out.Bytes(), []byte("\n")) {
			if c < ' ' {
				t.Errorf("%q", out.String())
			}
		}
	})
}

// Pieces are one line again, unless another worker's line came between.
func TestRawPieces(t *testing.T) {
	var out bytes.Buffer
	p := linePrinter{out: bufio.NewWriter(&out), format: "raw"}
	for _, l := range []query.Line{
		{App: "web", Text: []byte("one "), Partial: true},
		{App: "web", Text: []byte("line")},
		{App: "web", Text: []byte("begun"), Partial: true},
		{App: "web", Slot: 1, Text: []byte("other")},
		{App: "web", Text: []byte("ended"), Partial: true},
	} {
		if err := p.print(l); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "one line\nbegun\nother\nended\n"; got != want {
		t.Errorf("%q, wanted %q", got, want)
	}
}
