package desk

import (
	"errors"
	"time"

	"goinit/control"
	"goinit/logs"
	"goinit/supervise"
	"goinit/supervise/tree"
)

// explainReload says why reloads have stopped, with what the first new worker that did not do has said last.
func (d *Desk) explainReload(stopped []*supervise.ReloadError) error {
	all := make([]error, len(stopped))
	for i, s := range stopped {
		all[i] = s
	}
	e := control.Errorf(control.Failure, "%v", errors.Join(all...))
	first := stopped[0]
	d.awaitLastWords(first)
	for _, l := range d.Console.Tail(logs.Target{App: first.App, Slot: first.Slot}, lastWordsOfSlot) {
		if l.Generation == first.Generation {
			e.Lines = append(e.Lines, string(l.Line))
		}
	}
	e.Lines = e.Lines[max(0, len(e.Lines)-lastWords):]
	e.Remedy = "again when repaired: goinit ctl reload " + first.App + "      more: goinit ctl logs " + tree.Worker(first.App, first.Slot)
	return e
}

// awaitLastWords waits for what a process that has ended has said last. One that lives still has it said.
func (d *Desk) awaitLastWords(of *supervise.ReloadError) {
	if drained := d.Drained(of.App, of.Slot, of.Generation); drained != nil && of.Ended {
		select {
		case <-drained:
		case <-time.After(lastWordsTime):
		}
	}
}

// lastWordsTime is what the drain of a process's pipes is given at most.
const lastWordsTime = time.Second

// lastWordsOfSlot is in how many of a slot's last lines those of one of its two processes are looked for.
const lastWordsOfSlot = 200
