package logs

import (
	"strings"
	"testing"
	"time"
)

func TestModes(t *testing.T) {
	at := `"at":"` // the time itself is cut out
	cases := []struct {
		name           string
		plan           []string
		mode           Mode
		out, err       string // written
		stdout, stderr string // shown
	}{
		{"auto, one worker: raw", []string{"web/0"}, Auto, "a\nb", "\x00\xff\n", "a\nb", "\x00\xff\n"},
		{"auto, two: prefix", []string{"web/0", "worker/10"}, Auto, "a\nb", "\x00\xff\n", "web/0     | a\nweb/0     | b\n", "web/0     | \x00\xff\n"},
		{"prefix", []string{"web/0"}, Prefix, "a\n\nb\n", "", "web/0 | a\nweb/0 | \nweb/0 | b\n", ""},
		{"raw among many", []string{"a/0", "b/0"}, Raw, "a\nb", "e", "a\nb", "e"},
		{"off", []string{"web/0"}, Off, "a\n", "b\n", "", ""},
		{"json", []string{"web/0"}, JSON, "a \"b\"\n{\"x\": 1}\n", "{}\n",
			`{` + at + `","app":"web","slot":0,"worker":"web/0","stream":"stdout","line":"a \"b\"","partial":false}` + "\n" +
				`{` + at + `","app":"web","slot":0,"worker":"web/0","stream":"stdout","x": 1}` + "\n",
			`{` + at + `","app":"web","slot":0,"worker":"web/0","stream":"stderr"}` + "\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			k := newConsole(t, Options{})
			k.Plan(c.plan...)
			o := k.open(Worker{App: "web", Generation: 3, Console: c.mode})
			write(t, o.Stdout(), c.out)
			write(t, o.Stderr(), c.err)
			o.Drain(soon())
			var kept [2]strings.Builder
			for _, l := range k.Tail(Target{"web", 0}, 100) {
				kept[l.Stream].WriteString(string(l.Line) + "\n")
				if l.App != "web" || l.Worker != "web/0" || l.Generation != 3 || l.Partial || time.Since(l.At) > time.Minute {
					t.Errorf("kept %+v", l)
				}
			}
			for i, written := range []string{c.out, c.err} {
				if want := strings.TrimSuffix(written, "\n"); strings.TrimSuffix(kept[i].String(), "\n") != want {
					t.Errorf("%s kept: %q, want %q", Stream(i), kept[i].String(), want)
				}
			}
			stdout, stderr := k.end()
			if stdout = withoutTime(stdout); stdout != c.stdout {
				t.Errorf("stdout\n%q, want\n%q", stdout, c.stdout)
			}
			if stderr = withoutTime(stderr); stderr != c.stderr {
				t.Errorf("stderr\n%q, want\n%q", stderr, c.stderr)
			}
		})
	}
}

// withoutTime empties the values of "at".
func withoutTime(s string) string {
	parts := strings.Split(s, `"at":"`)
	for i := 1; i < len(parts); i++ {
		_, parts[i], _ = strings.Cut(parts[i], `"`)
		parts[i] = `"` + parts[i]
	}
	return strings.Join(parts, `"at":"`)
}

func TestInheritIsTheConsoleItself(t *testing.T) {
	k := newConsole(t, Options{})
	o := k.open(Worker{App: "sh", Console: Inherit})
	if o.Stdout() != int(k.stdoutW.Fd()) || o.Stderr() != int(k.stderrW.Fd()) {
		t.Errorf("descriptors %d and %d", o.Stdout(), o.Stderr())
	}
	cmd := start(t, o, "echo mine; echo error >&2")
	cmd.Wait()
	o.Drain(soon())
	if out, err := k.end(); out != "mine\n" || err != "error\n" {
		t.Errorf("%q %q", out, err)
	}
}

func TestPromptIsShownAtOnceInRaw(t *testing.T) {
	k := newConsole(t, Options{})
	o := k.open(Worker{App: "sh", Console: Raw})
	defer o.Started()
	write(t, o.Stdout(), "name? ")
	until(t, "the prompt is shown", func() bool { return k.out.String() == "name? " })
}

func TestLongLineIsToldInPieces(t *testing.T) {
	k := newConsole(t, Options{})
	o := k.open(Worker{App: "big", Console: Prefix})
	long := strings.Repeat("x", 2*maxLine+5)
	go func() {
		write(t, o.Stdout(), long+"\nshort\n")
		o.Started()
	}()
	<-o.streams[Stdout].done
	var partial []bool
	var all string
	for _, l := range k.Tail(Target{"big", WholeApp}, 10) {
		partial = append(partial, l.Partial)
		all += string(l.Line)
	}
	if want := []bool{true, true, false, false}; !equal(partial, want) || all != long+"short" {
		t.Errorf("partial %v, want %v; %d bytes", partial, want, len(all))
	}
	out, _ := k.end()
	if n := strings.Count(out, "big/0 | "); n != 4 {
		t.Errorf("%d lines shown, want 4", n)
	}
}

func equal(a, b []bool) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestLinesOfManyAreNotMixed(t *testing.T) {
	k := newConsole(t, Options{})
	const workers, lines = 20, 300
	outputs := make([]*Output, workers)
	for i := range outputs {
		outputs[i] = k.open(Worker{App: "many", Slot: i, Console: Prefix})
		letter := string(rune('a' + i))
		start(t, outputs[i], `i=0; while [ $i -lt 300 ]; do printf '`+strings.Repeat(letter, 50)+`'; printf '`+strings.Repeat(letter, 50)+`\n'; i=$((i+1)); done`)
	}
	for _, o := range outputs {
		<-o.streams[0].done
	}
	out, _ := k.end()
	n := 0
	for line := range strings.Lines(out) {
		name, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "| ")
		letter := text[:1]
		if text != strings.Repeat(letter, 100) || !strings.HasPrefix(name, workerName("many", int(letter[0]-'a'))) {
			t.Fatalf("mixed: %q", line)
		}
		n++
	}
	if n != workers*lines {
		t.Errorf("%d lines, want %d", n, workers*lines)
	}
}

func TestGrandchildHoldsNothingUp(t *testing.T) {
	k := newConsole(t, Options{})
	o := k.open(Worker{App: "web", Console: Prefix})
	cmd := start(t, o, `sleep 1000 & echo $!; printf unfinished`)
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	o.Drain(soon())
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("took %v", d)
	}
	lines := k.Tail(Target{"web", 0}, 10)
	if len(lines) != 2 || string(lines[1].Line) != "unfinished" || lines[1].Partial {
		t.Errorf("lines %q", joined(lines))
	}
	if n := k.Stats().Pipes; n != 0 {
		t.Errorf("%d pipes are left", n)
	}
	killPID(t, string(lines[0].Line))
}

func TestDrainOfAStreamWithoutEnd(t *testing.T) {
	k := newConsole(t, Options{})
	o := k.open(Worker{App: "web", Console: Prefix})
	start(t, o, `exec yes `+strings.Repeat("x", 1<<10)) // lines so short as yes' own take a busy machine long
	until(t, "it writes", func() bool { return k.Stats().Kept > 0 })
	o.Drain(soon())
	if n := k.Stats().Pipes; n != 0 {
		t.Errorf("%d pipes are left", n)
	}
}

func TestOwnerMayOpenStdout(t *testing.T) {
	needRoot(t)
	k := newConsole(t, Options{})
	o := k.open(Worker{App: "web", Console: Prefix, Owner: &Owner{UID: 12345, GID: 12345}})
	cmd := start(t, o, `exec setpriv --reuid 12345 --regid 12345 --clear-groups sh -c 'echo opened >/dev/stdout'`)
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	o.Drain(soon())
	if got := joined(k.Tail(Target{"web", 0}, 10)); got != "opened\n" {
		t.Errorf("got %q", got)
	}
}

func TestAutoFollowsThePlan(t *testing.T) {
	k := newConsole(t, Options{})
	k.Plan("web/0")
	o := k.open(Worker{App: "web"})
	write(t, o.Stdout(), "raw\n")
	until(t, "it is shown", func() bool { return k.out.String() == "raw\n" })
	k.Plan("web/0", "worker/0") // scaled, or applied
	write(t, o.Stdout(), "one of two\n")
	until(t, "it is shown with its name", func() bool { return k.out.String() == "raw\nweb/0    | one of two\n" })
	k.Plan("web/0")
	write(t, o.Stdout(), "alone\n")
	until(t, "it is raw again", func() bool { return strings.HasSuffix(k.out.String(), "two\nalone\n") })
	o.Drain(soon())
}

func TestLossIsToldInWords(t *testing.T) {
	for l, want := range map[Loss]string{
		{"web", 1234}:     "1,234 lines of web were not shown here: the reader was too slow",
		{"web", 1}:        "1 line of web was not shown here: the reader was too slow",
		{"", 1234567}:     "1,234,567 lines of output were not shown here: the reader was too slow",
		{"db", 999}:       "999 lines of db were not shown here: the reader was too slow",
		{"db", 1_000_000}: "1,000,000 lines of db were not shown here: the reader was too slow",
	} {
		if l.String() != want {
			t.Errorf("%q, want %q", l, want)
		}
	}
}

func TestParseMode(t *testing.T) {
	for s, want := range map[string]Mode{"": Auto, "auto": Auto, "prefix": Prefix, "json": JSON, "raw": Raw, "inherit": Inherit, "off": Off} {
		if m, err := ParseMode(s); m != want || err != nil {
			t.Errorf("%q is %v, %v", s, m, err)
		}
	}
	if _, err := ParseMode("colour"); err == nil {
		t.Error("colour is no mode")
	}
}

// With no descriptors left, Open fails and leaves nothing behind; what runs goes on.
func TestOpenWithoutDescriptors(t *testing.T) {
	k := newConsole(t, Options{})
	running := k.open(Worker{App: "web", Console: Prefix})
	for free := range 4 {
		before := weigh(t).descriptors
		restore := leaveDescriptors(t, free)
		o, err := k.Open(Worker{App: "late"})
		restore()
		if err == nil {
			t.Fatalf("with %d descriptors: %v", free, o)
		}
		if !strings.HasPrefix(err.Error(), "cannot open a pipe for the output of late/0: ") {
			t.Error(err)
		}
		until(t, "nothing is left open", func() bool { return weigh(t).descriptors == before && k.Stats().Pipes == 2 })
	}
	write(t, running.Stdout(), "x\n")
	until(t, "the other goes on", func() bool { return strings.HasSuffix(k.out.String(), " | x\n") })
	running.Drain(soon())
}

func TestAfterClose(t *testing.T) {
	k := newConsole(t, Options{})
	o := k.open(Worker{App: "web", Console: Prefix})
	write(t, o.Stdout(), "last words")
	k.Close(soon())
	if got := joined(k.Tail(Target{"web", 0}, 1)); got != "last words\n" {
		t.Errorf("kept %q", got)
	}
	o.Drain(soon())
	k.Close(soon())
	if _, err := k.Open(Worker{App: "web"}); err == nil {
		t.Error("opened after Close")
	}
	k.Messages().Write([]byte("x\n"))
}

// A process that ends, or cannot be started, at once: that it has its descriptors and that it is gone is said at the same time.
// Each of our ends is closed once; by the second time its number may be another's. The race detector sees both at it.
func TestStartedWhileDrained(t *testing.T) {
	k := newConsole(t, Options{})
	for range 100 {
		o := k.open(Worker{App: "web", Console: Off})
		together := make(chan struct{})
		go func() {
			o.Started()
			close(together)
		}()
		o.Drain(soon())
		<-together
		if o.Stdout() != -1 || o.Stderr() != -1 {
			t.Fatal("our ends are open")
		}
	}
}
