package integration

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/klauspost/compress/zstd"

	"goinit/control"
	"goinit/integration/bed"
	"goinit/logs/segment"
)

// lineReader reads an app's log from its files, as goinitctl does, and checks of each line of a writer that it comes once and
// in order. It may be asked again and again while the log grows.
type lineReader struct {
	t        *testing.T
	dir      string
	number   int   // the segment that is being read
	offset   int64 // in it
	records  segment.Records
	last     int64          // time
	next     map[string]int // by slot, life and stream: the next line
	lines    int
	unknown  int // lines without a record
	segments int
}

func newLineReader(t *testing.T, dir string) *lineReader {
	return &lineReader{t: t, dir: dir, next: map[string]int{}}
}

// look reads what is new, and reports whether there is nothing more now. With all, data without a record is read, too.
func (r *lineReader) look(all bool) {
	names, err := os.ReadDir(r.dir)
	if err != nil {
		return
	}
	var files []string
	for _, e := range names {
		files = append(files, e.Name())
	}
	for _, s := range segment.List(files) {
		if s.Number < r.number {
			continue
		}
		if s.Number > r.number {
			r.number, r.offset, r.records = s.Number, 0, segment.Records{}
			r.segments++
		}
		index, err := os.ReadFile(filepath.Join(r.dir, segment.Name(s.Number, segment.Index)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // it is made after the .log
			r.t.Fatal(err)
		}
		data, err := os.Open(filepath.Join(r.dir, segment.Name(s.Number, segment.Log)))
		if err != nil {
			r.t.Fatal(err)
		}
		st, err := data.Stat()
		if err != nil {
			r.t.Fatal(err)
		}
		r.records = r.records.More(index, st.Size())
		for i := r.records.Find(r.offset); i < r.records.Len(); i++ {
			r.piece(data, r.records.At(i))
		}
		if rest, ok := r.records.Rest(st.Size(), st.ModTime().UnixNano()); ok && all {
			r.piece(data, rest)
		}
		data.Close()
	}
}

func (r *lineReader) piece(data *os.File, g segment.Range) {
	b := make([]byte, g.End-g.Start)
	if _, err := data.ReadAt(b, g.Start); err != nil {
		r.t.Fatal(err)
	}
	r.offset = g.End
	if g.Time < r.last {
		r.t.Errorf("segment %d: time goes back at %d, by %dns; slot %d", r.number, g.Start, r.last-g.Time, g.Slot)
	}
	r.last = g.Time
	if g.Note {
		r.t.Errorf("%s", b)
		return
	}
	for line := range bytes.Lines(b) {
		words := strings.Fields(string(line[:min(len(line), 64)]))
		if len(line) != lineSize || line[lineSize-1] != '\n' || len(words) < 3 {
			if g.Partial { // the last of a writer that was killed
				continue
			}
			r.t.Fatalf("segment %d has a line that nobody has written: %.200q", r.number, line)
		}
		slot, _, _ := strings.Cut(words[0], "-")
		if g.Slot == segment.UnknownSlot {
			r.unknown++
		} else if slot != strconv.Itoa(int(g.Slot)) || (words[1] == "1") != g.Stderr {
			r.t.Fatalf("a line of slot %d, stderr %v: %q", g.Slot, g.Stderr, line)
		}
		of := words[0] + " " + words[1]
		if n, err := strconv.Atoi(words[2]); err != nil || n != r.next[of] {
			r.t.Fatalf("segment %d: %s has line %s where %d should be", r.number, of, words[2], r.next[of])
		}
		r.next[of]++
		r.lines++
	}
}

// written is what the writers say that they have written, by slot, life and stream.
func written(t *testing.T, states string) map[string]int {
	t.Helper()
	names, err := os.ReadDir(states)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int{}
	for _, e := range names {
		b, err := os.ReadFile(filepath.Join(states, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for stream := range len(b) / 8 {
			all[fmt.Sprintf("%s %d", e.Name(), stream)] = int(binary.NativeEndian.Uint64(b[8*stream:]))
		}
	}
	return all
}

func writersSpec(dir, life string, lines int, more string) string {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`messages: {level: warn}
log_store: {directory: %s/logs, max_total: 4GiB}
apps:
  w:
    command: [%s]
    environment: {%s: %s/states, %s: "%d", %s: "%s"}
    workers: 10
    restart: {policy: on-failure, delay: 10ms, max_delay: 50ms}
    on_failure: ignore
    logs: {console: "off", max_size: 1MiB, max_files: 10000}
%s`, dir, self, writerStates, dir, writerLines, lines, writerLife, life, more)
}

// followed is what goinitctl says to who follows.
type followed struct {
	lines int
	next  map[string]int // by slot, life and stream
	wrong string         // the first line that was not the next one of its writer
	said  bytes.Buffer   // on stderr
	ended chan struct{}
}

// followLogs follows the writers' log from its beginning, until goinit ends.
func followLogs(t *testing.T, m *manager) *followed {
	t.Helper()
	f := &followed{next: map[string]int{}, ended: make(chan struct{})}
	cmd := exec.Command(filepath.Join(built.dir, "goinitctl"), append(append([]string{}, m.client...), "logs", "-f", "-n", "all", "w")...)
	cmd.Stderr = &f.said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); <-f.ended })
	go func() {
		defer close(f.ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			f.line(lines.Text())
		}
		cmd.Wait()
	}()
	return f
}

func (f *followed) line(line string) {
	_, text, _ := strings.Cut(line, " | ")
	if len(text) != lineSize-1 { // the last of a writer that was killed
		return
	}
	words := strings.Fields(text[:64])
	of := words[0] + " " + words[1]
	if n, err := strconv.Atoi(words[2]); (err != nil || n != f.next[of]) && f.wrong == "" {
		f.wrong = fmt.Sprintf("%q, after %d lines of that writer", line, f.next[of])
	}
	f.next[of]++
	f.lines++
}

// Ten workers write lines, are killed, each once at least, and started again, while files are rotated and somebody reads along: each line whose
// write has returned is there once, in order, and so it is for who follows. GOINIT_TEST_LINES is how many, 10000000 in a release.
func TestRunLogsExactlyOnce(t *testing.T) {
	lines := 300_000
	if n, err := strconv.Atoi(os.Getenv("GOINIT_TEST_LINES")); err == nil {
		lines = n
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "states"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv(writerMortal, "1")
	m := runSpec(t, writersSpec(dir, "0", lines/10, "  stays: {command: sleep 1000}\n"))
	follower := newLineReader(t, filepath.Join(dir, "logs", "w"))
	client := followLogs(t, m)
	kills := 0
	bed.WaitLong(t, "the writers to end", func() (bool, string) {
		follower.look(false)
		rows := m.ps(t, "w")
		done := true
		killed := kills
		for i := range rows {
			done = done && rows[i].State == "completed"
			victim := rows[(killed+i)%len(rows)]
			mortal := victim.Generation == 1 || kills < 30 && kills == killed // it ends in no other way, or: one more
			if mortal && victim.State == "running" && m.ask(t, "signal", "KILL", *victim.Worker).Status == 0 {
				kills++
			}
		}
		done = done && kills == killed
		return done, fmt.Sprintf("%d lines, %d kills", follower.lines, kills)
	})
	m.Signal(t, syscall.SIGTERM)
	m.Wait()
	<-client.ended
	follower.look(false)
	reader := newLineReader(t, filepath.Join(dir, "logs", "w"))
	reader.look(true)
	total := 0
	for of, n := range written(t, filepath.Join(dir, "states")) {
		total += n
		if got := reader.next[of]; got < n {
			t.Errorf("%s has written %d lines, and %d are there", of, n, got)
		}
	}
	if follower.lines != reader.lines || reader.unknown > 0 || total < lines || reader.lines < total {
		t.Errorf("%d lines were written, %d are there (%d without a record), and %d were followed", total, reader.lines, reader.unknown, follower.lines)
	}
	if client.lines != reader.lines || client.wrong != "" {
		t.Errorf("goinit ctl logs -f has shown %d lines of %d; wrong was %s\n%s", client.lines, reader.lines, client.wrong, &client.said)
	}
	t.Logf("%d lines written, %d stored in %d files, %d followed, %d by goinit ctl logs -f, %d kills; %s", total, reader.lines, reader.segments, follower.lines, client.lines, kills, m.Output)
}

// PID 1 is killed under load, again and again, and the next goinit goes on with the same directory: what was written to the
// files is there, in order, and times never go back. What a worker has written is there but for what was in its pipe, or in
// PID 1's hands, at that moment.
func TestRunLogsSurviveKills(t *testing.T) {
	kills := 5
	if n, err := strconv.Atoi(os.Getenv("GOINIT_TEST_KILLS")); err == nil {
		kills = n
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "states"), 0o755); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "logs", "w")
	for life := range kills {
		before := dirSize(log)
		m := runSpec(t, writersSpec(dir, strconv.Itoa(life), 1<<30, ""))
		bed.Wait(t, "five megabytes more", func() (bool, string) {
			size := dirSize(log)
			return size > before+5<<20, fmt.Sprintf("%d bytes, %d before\n%s", size, before, m.Output)
		})
		m.Signal(t, syscall.SIGKILL)
		m.Wait()
	}
	// The last one only repairs.
	m := runSpec(t, fmt.Sprintf("log_store: {directory: %s/logs, max_total: 4GiB}\napps: {stays: {command: sleep 1000}}\n", dir))
	m.Signal(t, syscall.SIGTERM)
	m.Wait()
	reader := newLineReader(t, log)
	reader.look(false)
	missing, most := 0, 0
	for of, n := range written(t, filepath.Join(dir, "states")) {
		missing += max(0, n-reader.next[of])
		most = max(most, n-reader.next[of])
	}
	t.Logf("%d kills: %d lines in %d files, %d of which had lost their record; %d were in a pipe or in hand, %d of one stream at most",
		kills, reader.lines, reader.segments, reader.unknown, missing, most)
	const pipe, hand = 256 << 10, 640 << 10
	if most > (pipe+hand)/lineSize {
		t.Errorf("%d lines of one stream are missing", most)
	}
	if reader.lines < kills*40_000 {
		t.Errorf("%d lines only", reader.lines)
	}
}

// Closed segments are compressed by a child; what is in them is what was written.
func TestRunLogsCompressed(t *testing.T) {
	dir := t.TempDir()
	m := runSpec(t, fmt.Sprintf(`log_store: {directory: %s/logs, compress: zstd}
apps:
  w: {shell: "seq -w 500000", restart: "no", logs: {console: "off", max_size: 1MiB, max_files: 10}}
  stays: {command: sleep 1000}
`, dir))
	log := filepath.Join(dir, "logs", "w")
	bed.Wait(t, "all closed segments to be compressed", func() (bool, string) {
		logs, _ := filepath.Glob(filepath.Join(log, "*.log"))
		zst, _ := filepath.Glob(filepath.Join(log, "*.log.zst"))
		return len(zst) == 3 && len(logs) == 1, fmt.Sprintln(logs, zst, m.Output)
	})
	m.Signal(t, syscall.SIGTERM)
	m.Wait()
	var text []byte
	for n := 1; n <= 4; n++ {
		b, err := os.ReadFile(filepath.Join(log, segment.Name(n, segment.Compressed)))
		if n == 4 {
			b, err = os.ReadFile(filepath.Join(log, segment.Name(n, segment.Log)))
		} else if err == nil {
			r, _ := zstd.NewReader(nil)
			b, err = r.DecodeAll(b, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, b...)
	}
	want := 500_000
	for i := range want {
		if line := fmt.Sprintf("%06d\n", i+1); len(text) < 7*(i+1) || string(text[7*i:7*i+7]) != line {
			t.Fatalf("line %d is not there", i+1)
		}
	}
}

// Where nothing can be written the logs are in memory, and PID 1 hands their descriptors over, as it does for files; what
// was written before the question is there.
func TestRunLogsByDescriptor(t *testing.T) {
	for name, directory := range map[string]string{"memory": "memory", "disk": t.TempDir() + "/logs", "auto": "auto"} {
		t.Run(name, func(t *testing.T) {
			m := runSpec(t, fmt.Sprintf("log_store: {directory: %s}\napps:\n  w: {shell: \"echo out; echo err >&2\", restart: \"no\"}\n  stays: {command: sleep 1000}\n", directory))
			m.waitRows(t, "the worker to have ended", func(r row) bool { return r.State == "completed" }, "w")
			c, err := control.Dial(m.client[1])
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			got := ""
			bed.Wait(t, "both lines", func() (bool, string) {
				got = ""
				err := c.StreamFiles(t.Context(), "LogFiles", control.LogFilesRequest{Apps: []string{"w"}}, func(p json.RawMessage, files []int) error {
					got += string(p) + " "
					data, index := os.NewFile(uintptr(files[0]), "log"), os.NewFile(uintptr(files[1]), "idx")
					defer data.Close()
					defer index.Close()
					b, idx := make([]byte, 1000), make([]byte, 1000)
					n, _ := data.ReadAt(b, 0)
					k, _ := index.ReadAt(idx, 0)
					records := segment.Good(idx[:k], int64(n))
					for i := range records.Len() {
						r := records.At(i)
						got += fmt.Sprintf("%v:%s", r.Stderr, b[r.Start:r.End])
					}
					return nil
				})
				return err == nil && strings.Contains(got, "false:out\n") && strings.Contains(got, "true:err\n"), fmt.Sprintln(got, err)
			})
			if !strings.HasPrefix(got, `{"app":"w","number":1,"open":true} `) {
				t.Error(got)
			}
			var s control.LogStoreReply
			files, err := c.CallFiles(t.Context(), "LogStore", control.LogStoreRequest{Descriptor: true}, &s)
			if err != nil {
				t.Fatal(err)
			}
			place := "disk"
			if name == "memory" {
				place = name
			}
			if s.Place != place || len(files) != map[string]int{"disk": 1, "memory": 0}[place] || s.Bytes != 8+2*segment.RecordSize || len(s.Apps) != 1 {
				t.Errorf("%+v with %d files", s, len(files))
			}
			for _, fd := range files {
				syscall.Close(fd)
			}
			var v control.LogVacuumReply
			none := int64(0)
			if err := c.Call(t.Context(), "LogVacuum", control.LogVacuumRequest{MaxBytes: &none}, &v); err != nil || v.Removed != 1 || v.Bytes != 0 {
				t.Errorf("%+v %v", v, err)
			}
		})
	}
}

// A member of read_group is handed the logs, whatever the mode of a directory that was there before goinit.
func TestRunLogsOfReadGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be somebody else")
	}
	const nobody, group = 65534, 54321
	dir, err := os.MkdirTemp("", "run-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(dir+"/logs", 0o755)); err != nil {
		t.Fatal(err)
	}
	m := runSpec(t, fmt.Sprintf("control: {read_group: %d}\nlog_store: {directory: %s/logs}\napps:\n  w: {shell: \"echo out; sleep 1000\"}\n", group, dir))
	if err := os.Chmod(m.dir, 0o755); err != nil { // where its socket is
		t.Fatal(err)
	}
	asMember := func(args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(built.dir, "goinitctl"), append(append([]string{}, m.client...), args...)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: group}}
		return cmd
	}
	for _, mode := range []os.FileMode{0o755, 0o711, 0o700} {
		if err := os.Chmod(dir+"/logs", mode); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"logs", "w"}, {"logs"}} {
			bed.Wait(t, fmt.Sprintf("the line, with mode %o", mode), func() (bool, string) {
				out, err := asMember(args...).CombinedOutput()
				return err == nil && string(out) == "w/0 | out\n", fmt.Sprintln(string(out), err, m.Output)
			})
		}
		follow := asMember("logs", "-f", "-n", "all", "w")
		out, err := follow.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		follow.Stderr = follow.Stdout // and then a complaint is the line
		if err := follow.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil || line != "w/0 | out\n" {
			t.Errorf("mode %o, -f: %q, %v", mode, line, err)
		}
		_ = follow.Process.Kill()
		_ = follow.Wait()
	}
}

// What cannot be written is in memory, and goinit ctl logs shows it; when it can be, all of it is in the files.
func TestRunLogsWaiting(t *testing.T) {
	dir := t.TempDir()
	planted := filepath.Join(dir, "logs", "w")
	if err := os.MkdirAll(filepath.Dir(planted), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(planted, nil, 0o600); err != nil { // where a directory should be
		t.Fatal(err)
	}
	m := runSpec(t, fmt.Sprintf("log_store: {directory: %s/logs}\napps:\n  w: {shell: \"echo one; echo two >&2\", restart: \"no\"}\n  stays: {command: sleep 1000}\n", dir))
	m.waitRows(t, "the worker to have ended", func(r row) bool { return r.State == "completed" }, "w")
	shown := func(want string) func() (bool, string) {
		return func() (bool, string) {
			a := m.ask(t, "logs", "-n", "all", "-o", "raw", "w")
			return a.Status == 0 && len(a.Stdout) == len(want) && strings.Contains(a.Stdout, "one\n") && strings.Contains(a.Stdout, "two\n"), a.Stdout + a.Stderr
		}
	}
	bed.Wait(t, "both lines to be shown from memory", shown("one\ntwo\n"))
	if a := m.ask(t, "logs", "--disk-usage"); a.Status != 0 || !strings.Contains(a.Stdout, "B in memory that cannot be written now\n") {
		t.Errorf("%+v", a)
	}
	if err := os.Remove(planted); err != nil {
		t.Fatal(err)
	}
	bed.Wait(t, "both to be in the file", func() (bool, string) {
		b, err := os.ReadFile(filepath.Join(planted, segment.Name(1, segment.Log)))
		return len(b) == len("one\ntwo\n"), fmt.Sprintf("%q %v", b, err)
	})
	bed.Wait(t, "both lines to be shown from the file", shown("one\ntwo\n"))
}

func dirSize(dir string) (n int64) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if st, err := e.Info(); err == nil {
			n += st.Size()
		}
	}
	return n
}
