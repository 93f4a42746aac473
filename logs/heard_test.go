package logs

import (
	"slices"
	"strings"
	"testing"

	"goinit/logs/store"
)

// TestHeard: who wants to hear a worker hears each of its lines, of both streams, and nobody else's.
func TestHeard(t *testing.T) {
	c := newConsole(t, Options{})
	var heard []string
	a := c.open(Worker{App: "a", Console: Off, Heard: func(line []byte) bool { heard = append(heard, string(line)); return true }})
	b := c.open(Worker{App: "b", Console: Off})
	write(t, a.Stdout(), "one\ntw")
	write(t, b.Stdout(), "another's\n")
	write(t, a.Stderr(), "three\n")
	write(t, a.Stdout(), "o\nwithout an end")
	a.Drain(soon())
	b.Drain(soon())
	c.end()
	slices.Sort(heard) // the order of two streams is that of the reads
	if want := []string{"one", "three", "two", "without an end"}; !slices.Equal(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
}

// Who waits for one line hears each until it has come, in a flood and beyond the rate too; then enough of them.
func TestHeardInAFlood(t *testing.T) {
	c, _, _ := keeper(t)
	heard, waits := 0, true
	a := c.open(Worker{App: "a", Console: Off, Limits: store.Limits{Rate: 10}, Heard: func(line []byte) bool {
		heard++
		if string(line) == "ready" {
			waits = false
		}
		return waits
	}})
	before, after := strings.Repeat("another line\n", 5000), strings.Repeat("x\n", 100_000)
	write(t, a.Stdout(), before+"ready\n"+after)
	write(t, a.Stderr(), "on stderr\n") // which does not know of that yet
	a.Drain(soon())
	c.end()
	if waits || heard < 5002 || heard > 30_000 {
		t.Errorf("still waits: %v, after %d lines", waits, heard)
	}
}
