package logs

import (
	"slices"
	"testing"
)

// TestHeard: who wants to hear a worker hears each of its lines, of both streams, and nobody else's.
func TestHeard(t *testing.T) {
	c := newConsole(t, Options{})
	var heard []string
	a := c.open(Worker{App: "a", Console: Off, Heard: func(line []byte) { heard = append(heard, string(line)) }})
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
