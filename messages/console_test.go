package messages_test

import (
	"bufio"
	"os"
	"strings"
	"testing"
	"time"

	"goinit/logs"
	"goinit/messages"
)

// As run mode puts them together: one terminal's worth of output, held up; the messages do not block, and what the
// console did not show is a warning.
func TestOnAConsoleThatIsHeldUp(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	var say *messages.Messages
	console, err := logs.New(logs.Options{
		Stdout: int(w.Fd()), Stderr: int(w.Fd()), // Fd makes w blocking, as a console is
		Lost: func(l logs.Loss) { say.Warn(l.String(), messages.Fields{"app": l.App, "lines": l.Lines}) },
	})
	if err != nil {
		t.Fatal(err)
	}
	say = messages.New(console.Messages(), messages.Info, messages.JSON)
	const said = 20_000
	for range said {
		say.Info(strings.Repeat("x", 100), nil)
	}
	lost := console.Stats().Lost
	if lost == 0 {
		t.Fatal("the console is not held up")
	}
	defer console.Close(time.Now())
	lines := 0
	for in := bufio.NewScanner(r); in.Scan(); lines++ {
		if strings.Contains(in.Text(), "not shown here") {
			if !strings.Contains(in.Text(), `"level":"warn"`) || lines != said-int(lost) {
				t.Errorf("after %d lines, %d lost: %s", lines, lost, in.Text())
			}
			return
		}
	}
	t.Error("the loss is not told")
}
