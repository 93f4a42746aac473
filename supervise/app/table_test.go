package app

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// ways are the arrows of the table: from, to, event. What stays where it is has none.
func ways() map[string]bool {
	all := map[string]bool{}
	for from := range states {
		for kind, c := range table[from] {
			for _, to := range c.to {
				if to != from {
					all[way(from, to, Kind(kind))] = true
				}
			}
		}
	}
	return all
}

func way(from, to State, k Kind) string {
	return from.String() + " -> " + to.String() + ": " + k.String()
}

// The drawing in docs/states.md is the table.
func TestDrawing(t *testing.T) {
	text, err := os.ReadFile("../../docs/states.md")
	if err != nil {
		t.Fatal(err)
	}
	arrow := regexp.MustCompile(`(?m)^    (\w+) --> (\S+): (.*)$`)
	drawn := map[string]bool{}
	for _, m := range arrow.FindAllStringSubmatch(string(text), -1) {
		to := strings.ReplaceAll(m[2], "[*]", Removed.String())
		for event := range strings.SplitSeq(m[3], ", ") {
			drawn[m[1]+" -> "+to+": "+event] = true
		}
	}
	if len(drawn) == 0 {
		t.Fatal("nothing is drawn")
	}
	for w := range ways() {
		if !drawn[w] {
			t.Errorf("not drawn: %s", w)
		}
	}
	for w := range drawn {
		if !ways()[w] {
			t.Errorf("not in the table: %s", w)
		}
	}
}

// Every pair of state and event is given to the machine, in every shape that the slot may have in that state: it goes
// where the table says, and each way of the table is gone at least once.
func TestEveryPair(t *testing.T) {
	gone := map[string]bool{}
	for from := range states {
		for kind := range slotKinds {
			for _, slot := range shapes(from) {
				for _, a := range apps(slot) {
					slot := a.Slots[0]
					for _, e := range []Event{
						{Kind: kind, Slot: slot.Number, Generation: 1, Epoch: slot.Epoch, PID: 7, Now: 100e9},
						{Kind: kind, Slot: slot.Number, Generation: 1, Epoch: slot.Epoch, PID: 7, Now: 100e9, Exit: Exit{Code: 1}, Within: Unlimited},
					} {
						next, _ := a.Step(e)
						to := Removed
						if len(next.Slots) > 0 {
							to = next.Slots[0].State
						}
						if to != from {
							gone[way(from, to, kind)] = true
						}
						if to != from && !slices.Contains(table[from][kind].to, to) {
							t.Errorf("%s: %s, which the table does not say (%+v)", kind, way(from, to, kind), slot)
						}
						if a.Slots[0].State != from {
							t.Fatal("a step has changed the state that it was given")
						}
					}
				}
			}
		}
	}
	for _, w := range slices.Sorted(maps.Keys(ways())) {
		if !gone[w] {
			t.Errorf("nothing goes this way of the table: %s", w)
		}
	}
}

// shapes are the slots that there can be in a state.
func shapes(s State) []Slot {
	slot := Slot{State: s, Generation: 1}
	switch s {
	case Starting:
		asked, alive := slot, slot
		asked.Process, alive.Process, alive.PID = Asked, Alive, 7
		again := asked
		again.Failures = 1
		late, hook := alive, alive
		late.Timer, late.Epoch = StartTimer, 3
		steady := late
		steady.Timer = SteadyTimer
		hook.Hook, hook.PID, hook.Timer, hook.Epoch = BeforeStart, 0, HookTimer, 3
		all := []Slot{asked, alive, again, late, steady, hook}
		for _, code := range []int{0, 1, neverAgain} {
			for failures := range 2 {
				over := slot
				over.Hook, over.Process, over.HookExit, over.Failures, over.Killing = BeforeStart, Dead, Exit{Code: code}, failures, true
				all = append(all, over)
			}
		}
		return all
	case Running, Paused:
		slot.Process, slot.PID = Alive, 7
		limited := slot
		limited.Timer, limited.Epoch = RunTimer, 3
		proving, doubted := limited, limited
		proving.Timer, proving.Replacing = SteadyTimer, true
		doubted.Timer, doubted.Replacing = StartTimer, true
		return []Slot{slot, limited, proving, doubted}
	case Draining:
		slot.Process, slot.PID, slot.Timer, slot.Epoch = Alive, 7, DrainTimer, 3
		slot.Deadline = 200e9
		var all []Slot
		for _, next := range []Next{Stay, Again, Leave} {
			slot.Next = next
			all = append(all, slot)
		}
		return all
	case Backoff:
		slot.Timer, slot.Epoch = RestartTimer, 3
	case Stopping:
		var all []Slot
		for _, next := range []Next{ByPolicy, Stay, Again, Leave} {
			for _, p := range []Process{Asked, Alive, Dead} {
				c := slot
				c.Next, c.Process = next, p
				if next == ByPolicy {
					c.Why = ReasonUnhealthy
					if p == Asked {
						c.Hook = AfterExit
					}
				}
				for _, x := range []Exit{{Reason: ReasonExited}, {Reason: ReasonExited, Code: 1}} {
					c.LastExit, c.HasExited = x, true
					c.Replacing = next == Again && x.Code == 1
					for failures := range 2 {
						c.Failures = failures
						all = append(all, c)
						if p == Dead {
							c.Hook, c.HookExit = AfterExit, Exit{Code: x.Code * neverAgain}
							all = append(all, c)
							c.Hook = NoHook
						}
						if p != Asked {
							c.Timer, c.Epoch = StopTimer, 3
							all = append(all, c)
							c.Timer, c.Epoch = NoTimer, 0
						}
					}
				}
			}
		}
		return all
	}
	slot.Failures = 1
	fresh := slot
	fresh.Failures = 0
	return []Slot{slot, fresh}
}

// apps are the surroundings that a slot may have.
func apps(s Slot) []App {
	var all []App
	for _, policy := range []string{"always", "on-failure", "no"} {
		for _, met := range []bool{true, false} {
			for _, await := range []bool{true, false} {
				if !met && s.State != Waiting && !s.State.Final() {
					continue
				}
				c := config(policy)
				c.AwaitReady = await
				c.Unhealthy, c.HookTimeout, c.AfterExit = "restart", 30*time.Second, await
				if s.Timer != RunTimer { // which is of jobs
					all = append(all, App{Config: c, Slots: []Slot{s}, Workers: 1, Met: met})
					c.Drain = 30 * time.Second
					all = append(all, App{Config: c, Slots: []Slot{s}, Workers: 1, Met: met})
					c.Unhealthy = "reload"
					all = append(all, App{Config: c, Slots: []Slot{s}, Workers: 1, Met: met})
					c.Drain, c.Unhealthy = 0, "restart"
				}
				if s.Timer == DrainTimer { // which a job never has
					continue
				}
				for _, concurrency := range []string{"forbid", "allow", "replace"} {
					c.Job = &Job{Concurrency: concurrency, Most: 2, Timeout: time.Minute}
					for number := range 2 {
						s.Number = number
						all = append(all, App{Config: c, Slots: []Slot{s}, Workers: 1, Met: met})
					}
				}
				s.Number, c.Job = 0, nil
			}
		}
	}
	return all
}
