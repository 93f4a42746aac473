package desk

import (
	"errors"

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
	for _, l := range d.Console.Tail(logs.Target{App: first.App, Slot: first.Slot}, lastWordsOfSlot) {
		if l.Generation == first.Generation {
			e.Lines = append(e.Lines, string(l.Line))
		}
	}
	e.Lines = e.Lines[max(0, len(e.Lines)-lastWords):]
	e.Remedy = "again when repaired: goinit ctl reload " + first.App + "      more: goinit ctl logs " + tree.Worker(first.App, first.Slot)
	return e
}

// lastWordsOfSlot is in how many of a slot's last lines those of one of its two processes are looked for.
const lastWordsOfSlot = 200
