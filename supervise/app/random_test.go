package app

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"goinit/spec"
)

func config(policy string) Config {
	return Config{Name: "web", StopSignal: syscall.SIGTERM,
		Restart: spec.Restart{Policy: policy, SuccessCodes: []int{0}, Delay: spec.Duration(100 * time.Millisecond),
			MaxDelay: spec.Duration(30 * time.Second), ResetAfter: spec.Duration(10 * time.Second)},
		Stop: spec.Stop{Signal: "SIGTERM", Target: "process", Timeout: spec.Duration(10 * time.Second)}}
}

// world is what an honest driver does, at random times, and what must hold meanwhile.
type world struct {
	t     *testing.T
	r     *rand.Rand
	a     App
	now   time.Duration
	steps int
	slots map[int]*place
	log   []string
}

// place is the truth about a slot's process.
type place struct {
	generation int
	asked      bool // Start was given and not answered
	alive      bool
	tree       bool // something is left, and TreeGone was not told
	sweep      bool // AwaitTree or KillTree was given
	timer      int  // the epoch of the armed timer, 0 none
	wanted     bool // the last request does not forbid a start
	frost      int  // the epoch of the Freeze that is to be answered
	frozen     bool // Freeze was given, and Thaw was not
	hook       Hook // what its process is, or was
	well       bool // and it ended so
	recycled   bool // its process was stopped to be replaced, and none has come back
}

func (w *world) place(n int) *place {
	if w.slots[n] == nil {
		w.slots[n] = &place{wanted: true}
	}
	return w.slots[n]
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	for _, l := range w.log[max(0, len(w.log)-25):] {
		w.t.Log(l)
	}
	w.t.Fatalf(format, args...)
}

func (w *world) step(e Event) {
	e.Now, e.Jitter = w.now, w.r.Float64()
	w.steps++
	switch e.Kind {
	case AskStop, AskKill, Shutdown, AskRemove, AskStart, AskRestart:
		for _, s := range w.a.Slots {
			leaving := s.State == Stopping && s.Next == Leave
			if e.Slot == AllSlots || e.Slot == s.Number {
				w.place(s.Number).wanted = (e.Kind == AskStart || e.Kind == AskRestart) && !w.a.Closing && !leaving ||
					(e.Kind == AskStart || e.Kind == AskRestart) && w.place(s.Number).wanted
			}
		}
	case AskScale:
		if !w.a.Closing && !w.a.Down {
			for n := range e.Workers {
				i := slices.IndexFunc(w.a.Slots, func(s Slot) bool { return s.Number == n })
				if i < 0 || w.a.Slots[i].State == Stopping && w.a.Slots[i].Next == Leave {
					w.place(n).wanted = true
				}
			}
		}
		for _, s := range w.a.Slots {
			if s.Number >= e.Workers && !w.a.Closing {
				w.place(s.Number).wanted = false
			}
		}
	}
	if w.a.Config.Job != nil && !w.a.Closing && (e.Kind == Due || e.Kind == AskStart && e.Slot == AllSlots) {
		for n := range w.a.Config.Job.Most { // a slot that is there for one run may be made again
			if !slices.ContainsFunc(w.a.Slots, func(s Slot) bool { return s.Number == n }) {
				w.place(n).wanted = true
			}
		}
	}
	closing := w.a.Closing
	before := w.a
	var effects []Effect
	w.a, effects = w.a.Step(e)
	w.log = append(w.log, fmt.Sprintf("%+v -> %+v", e, effects))
	if len(w.log) > 200 {
		w.log = w.log[100:]
	}
	if len(before.Slots) > 0 && closing && !w.a.Closing {
		w.fail("a shutdown was forgotten")
	}
	for _, effect := range effects {
		w.effect(effect)
	}
	w.invariants()
}

func (w *world) effect(effect Effect) {
	switch e := effect.(type) {
	case Start:
		p := w.place(e.Slot)
		if p.asked || p.alive || p.tree {
			w.fail("a second process in slot %d", e.Slot)
		}
		if e.Hook != AfterExit && (!p.wanted || w.a.Closing) {
			w.fail("a start in slot %d after it was asked to stop", e.Slot)
		}
		same := e.Hook == AfterExit && p.hook == NoHook || e.Hook == NoHook && p.hook == BeforeStart && p.well
		if e.Generation < p.generation || (e.Generation == p.generation) != same {
			w.fail("generation %d after %d, hook %s after %s", e.Generation, p.generation, e.Hook, p.hook)
		}
		if e.Hook == NoHook && w.a.Config.BeforeStart && p.hook != BeforeStart {
			w.fail("slot %d starts without its hook", e.Slot)
		}
		p.asked, p.sweep, p.generation, p.hook, p.well = true, false, e.Generation, e.Hook, false
		if p.frozen {
			w.fail("slot %d starts anew, and nothing was thawed", e.Slot)
		}
	case KillTree, AwaitTree:
		var slot int
		switch e := e.(type) {
		case KillTree:
			slot = e.Slot
		case AwaitTree:
			slot = e.Slot
		}
		p := w.place(slot)
		if p.frozen {
			w.fail("%T in the frozen slot %d", e, slot)
		}
		if !p.alive && !p.tree {
			w.fail("%T of nothing in slot %d", e, slot)
		}
		p.sweep = true
	case Signal:
		if !w.place(e.Slot).alive {
			w.fail("a signal to nothing in slot %d", e.Slot)
		}
		if e.Stop && w.place(e.Slot).frozen {
			w.fail("a stop signal to a frozen slot %d", e.Slot)
		}
	case Freeze:
		p := w.place(e.Slot)
		if p.frozen || !p.alive {
			w.fail("slot %d is frozen twice, or empty: %+v", e.Slot, p)
		}
		p.frozen, p.frost = true, e.Epoch
	case Thaw:
		p := w.place(e.Slot)
		if !p.frozen {
			w.fail("slot %d is thawed and was not frozen", e.Slot)
		}
		p.frozen = false
	case Emit:
		switch e.Type {
		case "worker.ready", "worker.stopped", "worker.completed", "worker.removed", "app.failed":
			w.place(e.Slot).recycled = false
		case "worker.recycled":
			for n, p := range w.slots {
				if p.recycled && n != e.Slot {
					w.fail("slot %d is recycled while %d is", e.Slot, n)
				}
			}
			w.place(e.Slot).recycled = true
		}
	case ArmTimer:
		if e.After <= 0 || e.After > 30*time.Second {
			w.fail("a timer of %v", e.After)
		}
		w.place(e.Slot).timer = e.Epoch
	case CancelTimer:
		p := w.place(e.Slot)
		if p.timer != e.Epoch {
			w.fail("timer %d is cancelled, %d is armed", e.Epoch, p.timer)
		}
		p.timer = 0
	}
}

func (w *world) invariants() {
	there := map[int]bool{}
	last := -1
	for i := range w.a.Slots {
		s := &w.a.Slots[i]
		there[s.Number] = true
		p := w.place(s.Number)
		if s.Number <= last {
			w.fail("slots out of order")
		}
		last = s.Number
		if (s.Timer != NoTimer) != (p.timer != 0) {
			w.fail("slot %d: the machine's timer is %d, armed is %d", s.Number, s.Timer, p.timer)
		}
		limited := w.a.Config.Job != nil && w.a.Config.Job.Timeout > 0 && (s.State == Running || s.State == Paused)
		if limited && s.Timer != RunTimer {
			w.fail("a run that nothing will end")
		}
		if p.timer != 0 && s.State != Backoff && s.State != Stopping && s.State != Starting && !limited {
			w.fail("a timer is armed in state %s", s.State)
		}
		if s.State == Starting && s.Process == Alive && s.Timer == NoTimer && !s.Killing && (s.Hook != NoHook || w.a.Config.StartTimeout > 0) {
			w.fail("slot %d: a start that nothing will end", s.Number)
		}
		if s.Process == Alive && s.Hook != p.hook {
			w.fail("slot %d: the process is %q to the machine, %q in truth", s.Number, s.Hook, p.hook)
		}
		if s.IsReady() && (!p.alive || p.hook != NoHook) {
			w.fail("slot %d is ready without a process", s.Number)
		}
		if (s.Process == None) != (!p.asked && !p.alive && !p.tree) {
			w.fail("slot %d: %d processes to the machine, not so in truth: %+v", s.Number, s.Process, p)
		}
		if (s.State == Backoff || s.State == Waiting || s.State == Scheduled || s.State.Final()) && s.Process != None {
			w.fail("a process in state %s", s.State)
		}
		if (s.State == Paused) != p.frozen {
			w.fail("slot %d is %s, in truth frozen: %v", s.Number, s.State, p.frozen)
		}
		if p.recycled != s.Replacing {
			w.fail("slot %d is being replaced: %v, in truth %v", s.Number, s.Replacing, p.recycled)
		}
		if s.Due > 0 && s.State == Running && !w.recycling() {
			w.fail("slot %d waits to be recycled, and nobody else is", s.Number)
		}
		if w.a.Config.Job != nil {
			w.job(s)
		}
		if s.State == Backoff && s.Timer != RestartTimer {
			w.fail("backoff without a timer")
		}
		if s.State == Stopping && s.Process == Alive && s.Timer == NoTimer && !s.Killing {
			w.fail("a stop that nothing will end")
		}
		if s.Process == Dead && !p.sweep {
			w.fail("nobody looks after the tree of slot %d", s.Number)
		}
	}
	for n, p := range w.slots {
		if !there[n] && (p.asked || p.alive || p.tree || p.timer != 0) {
			w.fail("slot %d was removed with something in it: %+v", n, p)
		}
	}
}

// job is what holds of a job's slots besides.
func (w *world) job(s *Slot) {
	switch {
	case s.Number > 0 && (s.State == Scheduled || len(w.a.Slots) > w.a.Config.Job.Most):
		w.fail("slot %d is %s, of %d slots", s.Number, s.State, len(w.a.Slots))
	case s.Number > 0 && w.a.Config.Job.Concurrency != "allow":
		w.fail("a second slot")
	}
}

func (w *world) recycling() bool {
	for _, p := range w.slots {
		if p.recycled {
			return true
		}
	}
	return false
}

// happens is one thing that may happen now.
func (w *world) happens() {
	n := w.r.IntN(4)
	p := w.place(n)
	w.now += time.Duration(w.r.Int64N(int64(3 * time.Second)))
	all := func() int {
		if w.r.IntN(3) == 0 {
			return AllSlots
		}
		return n
	}
	if w.a.Config.Job != nil && w.r.IntN(10) == 0 {
		w.step(Event{Kind: Due, Slot: AllSlots})
	}
	switch w.r.IntN(28) {
	case 0, 1, 2, 3:
		if p.asked {
			p.asked = false
			if w.r.IntN(4) == 0 {
				w.step(Event{Kind: StartFailed, Slot: n, Generation: p.generation, Exit: Exit{Code: 127}})
				return
			}
			p.alive = true
			w.step(Event{Kind: Started, Slot: n, Generation: p.generation, PID: 100 + n})
		}
	case 4, 5, 6:
		if p.alive {
			p.alive, p.tree = false, true
			x := Exit{Code: []int{0, 0, 1, 137, neverAgain}[w.r.IntN(5)], OOMKilled: w.r.IntN(4) == 0}
			p.well = x.Code == 0
			w.step(Event{Kind: Exited, Slot: n, Generation: p.generation, Exit: x})
		}
	case 7, 8, 9:
		if p.tree && p.sweep {
			p.tree = false
			w.step(Event{Kind: TreeGone, Slot: n, Generation: p.generation})
		}
	case 10, 11, 12:
		if p.timer != 0 {
			epoch := p.timer
			p.timer, p.well = 0, false
			w.step(Event{Kind: Timer, Slot: n, Generation: p.generation, Epoch: epoch})
		}
	case 13: // what is late, or a lie
		k := []Kind{Started, StartFailed, Exited, TreeGone, Ready, Unready, Unhealthy, Recycle, Frozen, FreezeFailed}[w.r.IntN(10)]
		w.step(Event{Kind: k, Slot: n, Generation: p.generation - 1 - w.r.IntN(2)})
		w.step(Event{Kind: Timer, Slot: n, Generation: p.generation, Epoch: p.timer - 1 - w.r.IntN(2)})
		if p.alive || p.asked {
			w.step(Event{Kind: TreeGone, Slot: n, Generation: p.generation})
		}
		if !p.alive {
			w.step(Event{Kind: Exited, Slot: n, Generation: p.generation})
		}
	case 14:
		w.step(Event{Kind: DependenciesMet, Slot: AllSlots})
	case 15:
		w.step(Event{Kind: AskStart, Slot: all()})
	case 16:
		w.step(Event{Kind: AskStop, Slot: all()})
	case 17:
		w.step(Event{Kind: AskRestart, Slot: all()})
	case 18:
		w.step(Event{Kind: []Kind{AskKill, AskSignal, Hurry}[w.r.IntN(3)], Slot: all(), Signal: syscall.SIGHUP})
	case 19:
		if w.a.Config.Job != nil {
			w.step(Event{Kind: Due, Slot: AllSlots})
			return
		}
		w.step(Event{Kind: AskScale, Slot: AllSlots, Workers: w.r.IntN(4)})
	case 20:
		if w.r.IntN(200) == 0 {
			w.step(Event{Kind: Shutdown, Slot: AllSlots, Within: time.Duration(w.r.Int64N(int64(20*time.Second))) - 1})
		}
	case 22:
		w.step(Event{Kind: []Kind{AskPause, AskResume}[w.r.IntN(2)], Slot: all()})
	case 23:
		if p.frost != 0 {
			frost := p.frost
			p.frost = 0
			w.step(Event{Kind: []Kind{Frozen, FreezeFailed}[w.r.IntN(2)], Slot: n, Generation: p.generation, Epoch: frost - w.r.IntN(2)})
		}
	case 25:
		w.step(Event{Kind: []Kind{Unready, Unhealthy, Said, SaysStopping, MainPID}[w.r.IntN(5)], Slot: n, Generation: p.generation, PID: 77})
	case 26:
		w.step(Event{Kind: Extended, Slot: n, Generation: p.generation, Within: time.Duration(w.r.Int64N(int64(30 * time.Second)))})
	case 27:
		if w.r.IntN(4) == 0 {
			w.step(Event{Kind: DependencyRestarted, Slot: AllSlots})
		}
	case 24:
		w.step(Event{Kind: Recycle, Slot: n, Generation: p.generation - w.r.IntN(2)})
	case 21:
		if p.alive {
			w.step(Event{Kind: Ready, Slot: n, Generation: p.generation})
		}
	}
}

// A million random events: the invariants hold after each, and when the world has calmed down after a shutdown, nothing
// is left.
func TestRandom(t *testing.T) {
	total := 1_000_000
	if testing.Short() {
		total /= 10
	}
	for seed := uint64(0); total > 0; seed++ {
		r := rand.New(rand.NewPCG(seed, 7))
		c := config([]string{"always", "on-failure", "no"}[r.IntN(3)])
		c.AwaitReady = r.IntN(2) == 0
		c.StartTimeout = time.Duration(r.IntN(2)) * 20 * time.Second
		c.Unhealthy = []string{"restart", "reload", "shutdown", "none"}[r.IntN(4)]
		c.BeforeStart, c.AfterExit, c.HookTimeout = r.IntN(3) == 0, r.IntN(3) == 0, 5*time.Second
		if r.IntN(2) == 0 {
			most := r.IntN(4)
			c.Restart.MaxRestarts, c.Restart.Window = &most, spec.Duration(time.Minute)
		}
		workers := 1 + r.IntN(3)
		if r.IntN(3) == 0 {
			c.Job = &Job{Concurrency: []string{"forbid", "allow", "replace"}[r.IntN(3)], Most: 1 + r.IntN(4),
				Timeout: time.Duration(r.IntN(2)) * 15 * time.Second, Fatal: r.IntN(4) == 0}
			workers = 1
		}
		w := &world{t: t, r: r, a: New(c, workers, true), slots: map[int]*place{}}
		for w.steps < 2000 {
			w.happens()
		}
		w.step(Event{Kind: Shutdown, Slot: AllSlots, Within: Unlimited})
		w.calm()
		if sum := w.a.Summary(); !sum.Idle || !sum.Empty || !sum.Closing {
			w.fail("seed %d: after the shutdown: %+v", seed, w.a.Slots)
		}
		total -= w.steps
	}
}

// calm lets everything that is under way come to its end.
func (w *world) calm() {
	for n := range 4 {
		p := w.place(n)
		for range 20 {
			w.now += time.Second
			switch {
			case p.asked:
				p.asked, p.alive = false, true
				w.step(Event{Kind: Started, Slot: n, Generation: p.generation, PID: 5})
			case p.alive:
				p.alive, p.tree = false, true
				w.step(Event{Kind: Exited, Slot: n, Generation: p.generation})
			case p.tree && p.sweep:
				p.tree = false
				w.step(Event{Kind: TreeGone, Slot: n, Generation: p.generation})
			}
		}
	}
}
