package app

import (
	"cmp"
	"fmt"
	"maps"
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
	slots map[int]*hope
	all   map[key]*place
	log   []string
}

// key is a process of a slot.
type key struct{ slot, generation int }

// hope is what is wanted of a slot.
type hope struct {
	wanted bool // the last request does not forbid a start
	last   int  // the last generation that was started
	taken  bool // its ready worker was stopped to be replaced, and none has come back
}

// place is the truth about a process.
type place struct {
	asked  bool // Start was given and not answered
	alive  bool
	tree   bool // something is left, and TreeGone was not told
	sweep  bool // AwaitTree or KillTree was given
	timer  int  // the epoch of the armed timer, 0 none
	frost  int  // the epoch of the Freeze that is to be answered
	frozen bool // Freeze was given, and Thaw was not
	hook   Hook // what it is, or was
	well   bool // and it ended so
	drain  bool // Drain was given and not answered
	doubt  bool // Confirm was given
}

func (p *place) there() bool { return p.asked || p.alive || p.tree }

func (w *world) hope(n int) *hope {
	if w.slots[n] == nil {
		w.slots[n] = &hope{wanted: true}
	}
	return w.slots[n]
}

func (w *world) place(slot, generation int) *place {
	k := key{slot, generation}
	if w.all[k] == nil {
		w.all[k] = &place{}
	}
	return w.all[k]
}

// any is one of a slot's processes, of those that there are if there are some.
func (w *world) any(slot int) (key, *place) {
	var some []key
	for k, p := range w.all {
		if k.slot == slot && (p.there() || p.timer != 0) {
			some = append(some, k)
		}
	}
	if len(some) == 0 {
		k := key{slot, w.hope(slot).last}
		return k, w.place(k.slot, k.generation)
	}
	slices.SortFunc(some, func(a, b key) int { return a.generation - b.generation })
	k := some[w.r.IntN(len(some))]
	return k, w.all[k]
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	for _, l := range w.log[max(0, len(w.log)-25):] {
		w.t.Log(l)
	}
	w.t.Fatalf(format, args...)
}

// wish notes what a request makes of what is wanted.
func (w *world) wish(e Event) {
	switch e.Kind {
	case AskStop, AskKill, Shutdown, AskRemove, AskStart, AskRestart:
		for _, s := range w.a.Slots {
			if e.Slot == AllSlots || e.Slot == s.Number {
				w.hope(s.Number).wanted = (e.Kind == AskStart || e.Kind == AskRestart) && !w.a.Closing && !s.leaving() ||
					(e.Kind == AskStart || e.Kind == AskRestart) && w.hope(s.Number).wanted
			}
		}
	case AskReload, Redefine:
		for _, s := range w.a.Slots {
			if (e.Slot == AllSlots || e.Slot == s.Number) && (s.State == Completed || s.State == Failed) && !w.a.Closing {
				w.hope(s.Number).wanted = true
			}
		}
	case AskScale:
		if !w.a.Closing && !w.a.Down {
			for n := range e.Workers {
				if s := w.a.slot(n); s == nil || s.leaving() {
					w.hope(n).wanted = true
				}
			}
		}
		for _, s := range w.a.Slots {
			if s.Number >= e.Workers && !w.a.Closing {
				w.hope(s.Number).wanted = false
			}
		}
	}
	if w.a.Config.Job != nil && !w.a.Closing && (e.Kind == Due || e.Kind == AskStart && e.Slot == AllSlots) {
		for n := range w.a.Config.Job.Most { // a slot that is there for one run may be made again
			if w.a.slot(n) == nil {
				w.hope(n).wanted = true
			}
		}
	}
}

func (w *world) step(e Event) {
	e.Now, e.Jitter = w.now, w.r.Float64()
	w.steps++
	w.wish(e)
	before := w.a
	var effects []Effect
	w.a, effects = w.a.Step(e)
	w.log = append(w.log, fmt.Sprintf("%+v -> %+v", e, effects))
	if len(w.log) > 200 {
		w.log = w.log[100:]
	}
	if len(before.Slots) > 0 && before.Closing && !w.a.Closing {
		w.fail("a shutdown was forgotten")
	}
	for _, effect := range effects {
		w.effect(effect)
	}
	w.service(&before, e)
	w.invariants()
}

// service: nothing that a reload does takes more ready workers away than may be unavailable.
func (w *world) service(before *App, e Event) {
	most := w.a.Config.MaxUnavailable
	if w.a.Config.MaxSurge == 0 || w.a.Config.Job != nil {
		most = max(1, most)
	}
	taken := 0
	for i := range w.a.Slots {
		s := &w.a.Slots[i]
		h := w.hope(s.Number)
		if old := before.slot(s.Number); old != nil && old.IsReady() && s.Replacing && !old.Replacing {
			h.taken = true
		}
		h.taken = h.taken && s.Replacing
		if h.taken {
			taken++
		}
	}
	if taken > most {
		w.fail("%d workers were taken away to be replaced, %d may be", taken, most)
	}
	switch e.Kind {
	case Started, StartFailed, Ready, TreeGone, Recycle, AskReload, Redefine:
		if lost := before.ready() - w.a.ready(); lost > most {
			w.fail("a reload has taken %d ready workers at once, %d may go", lost, most)
		}
	}
}

func (a *App) ready() (n int) {
	for i := range a.Slots {
		if a.Slots[i].IsReady() {
			n++
		}
	}
	return n
}

func (w *world) effect(effect Effect) {
	switch e := effect.(type) {
	case Start:
		w.started(e)
	case KillTree:
		w.swept(e.Slot, e.Generation)
	case AwaitTree:
		w.swept(e.Slot, e.Generation)
	case Drain:
		p := w.place(e.Slot, e.Generation)
		if !p.alive || p.frozen || p.drain {
			w.fail("%+v of %+v", e, p)
		}
		p.drain = true
	case Confirm:
		p := w.place(e.Slot, e.Generation)
		if !p.alive || p.hook != NoHook || p.doubt {
			w.fail("%+v of %+v", e, p)
		}
		p.doubt = true
	case Signal:
		p := w.place(e.Slot, e.Generation)
		if !p.alive {
			w.fail("a signal to nothing in slot %d", e.Slot)
		}
		if e.Stop && p.frozen {
			w.fail("a stop signal to a frozen slot %d", e.Slot)
		}
	case Freeze:
		p := w.place(e.Slot, e.Generation)
		if p.frozen || !p.alive {
			w.fail("slot %d is frozen twice, or empty: %+v", e.Slot, p)
		}
		p.frozen, p.frost = true, e.Epoch
	case Thaw:
		p := w.place(e.Slot, e.Generation)
		if !p.frozen {
			w.fail("slot %d is thawed and was not frozen", e.Slot)
		}
		p.frozen = false
	case ArmTimer:
		if e.After <= 0 || e.After > 30*time.Second {
			w.fail("a timer of %v", e.After)
		}
		w.place(e.Slot, e.Generation).timer = e.Epoch
	case CancelTimer:
		p := w.place(e.Slot, e.Generation)
		if p.timer != e.Epoch {
			w.fail("timer %d is cancelled, %d is armed", e.Epoch, p.timer)
		}
		p.timer = 0
	}
}

func (w *world) started(e Start) {
	h, p := w.hope(e.Slot), w.place(e.Slot, e.Generation)
	if p.there() {
		w.fail("a second process in place of one of slot %d", e.Slot)
	}
	if e.Hook != AfterExit && (!h.wanted || w.a.Closing) {
		w.fail("a start in slot %d after it was asked to stop", e.Slot)
	}
	same := e.Hook == AfterExit && p.hook == NoHook || e.Hook == NoHook && p.hook == BeforeStart && p.well
	if !same && e.Generation <= h.last {
		w.fail("generation %d after %d, hook %s after %s", e.Generation, h.last, e.Hook, p.hook)
	}
	if e.Hook == NoHook && w.a.Config.BeforeStart && p.hook != BeforeStart {
		w.fail("slot %d starts without its hook", e.Slot)
	}
	p.asked, p.sweep, p.hook, p.well = true, false, e.Hook, false
	h.last = max(h.last, e.Generation)
	if p.frozen {
		w.fail("slot %d starts anew, and nothing was thawed", e.Slot)
	}
}

func (w *world) swept(slot, generation int) {
	p := w.place(slot, generation)
	if p.frozen {
		w.fail("the end of the frozen slot %d", slot)
	}
	if !p.alive && !p.tree {
		w.fail("the end of nothing in slot %d", slot)
	}
	p.sweep = true
}

func (w *world) invariants() {
	there := map[key]bool{}
	last, suicides := -1, 0
	for i := range w.a.Slots {
		s := &w.a.Slots[i]
		if s.Number <= last || s.Role != Current {
			w.fail("slots out of order: %+v", w.a.Slots)
		}
		last = s.Number
		there[key{s.Number, s.Generation}] = true
		w.holds(s)
		if s.Due > 0 && s.State == Running && !w.replacing() {
			w.fail("slot %d waits to be replaced, and nobody else is", s.Number)
		}
		if w.a.Config.Job != nil {
			w.job(s)
		}
	}
	for i := range w.a.Incoming {
		s := &w.a.Incoming[i]
		there[key{s.Number, s.Generation}] = true
		if s.Role != Incoming || s.State != Starting && s.State != Stopping && s.State != Backoff {
			w.fail("incoming: %+v", s)
		}
		w.holds(s)
	}
	for i := range w.a.Outgoing {
		s := &w.a.Outgoing[i]
		there[key{s.Number, s.Generation}] = true
		if s.Role != Outgoing || s.State != Draining && s.State != Stopping {
			w.fail("outgoing: %+v", s)
		}
		if s.Suicide {
			suicides++
		}
		w.holds(s)
	}
	processes := 0
	for k, p := range w.all {
		if p.there() {
			processes++
		}
		if !there[k] && (p.there() || p.timer != 0) {
			w.fail("%v was forgotten with something in it: %+v", k, p)
		}
		if !there[k] && w.steps%500 == 0 {
			delete(w.all, k)
		}
	}
	if most := len(w.a.Slots) + w.a.Config.MaxSurge + suicides; processes > most {
		w.fail("%d processes, more than %d", processes, most)
	}
	if w.a.Reload.Active && w.a.Reload.Done > w.a.Reload.Of {
		w.fail("reload %+v", w.a.Reload)
	}
}

// replacing reports whether there is a reason for others to wait for their turn.
func (w *world) replacing() bool {
	return len(w.a.Incoming)+len(w.a.Outgoing) > 0 || slices.ContainsFunc(w.a.Slots, func(s Slot) bool { return s.Replacing })
}

// holds is what is so of each process, whatever it is to its slot.
func (w *world) holds(s *Slot) {
	p := w.place(s.Number, s.Generation)
	if (s.Timer != NoTimer) != (p.timer != 0) {
		w.fail("slot %d: the machine's timer is %d, armed is %d", s.Number, s.Timer, p.timer)
	}
	limited := w.a.Config.Job != nil && w.a.Config.Job.Timeout > 0 && (s.State == Running || s.State == Paused)
	if limited && s.Timer != RunTimer {
		w.fail("a run that nothing will end")
	}
	if p.timer != 0 && s.State != Backoff && s.State != Stopping && s.State != Draining && s.State != Starting && !limited && !(s.Replacing && s.proving()) {
		w.fail("a timer is armed in state %s", s.State)
	}
	waits := s.Hook != NoHook || w.a.Config.StartTimeout > 0 || s.Role == Incoming && !w.a.Config.AwaitReady
	if s.State == Starting && s.Process == Alive && s.Timer == NoTimer && !s.Killing && waits {
		w.fail("slot %d: a start that nothing will end", s.Number)
	}
	if s.Process == Alive && s.Hook != p.hook {
		w.fail("slot %d: the process is %q to the machine, %q in truth", s.Number, s.Hook, p.hook)
	}
	if s.IsReady() && (!p.alive || p.hook != NoHook) {
		w.fail("slot %d is ready without a process", s.Number)
	}
	if (s.Process == None) != !p.there() {
		w.fail("slot %d: %d processes to the machine, not so in truth: %+v", s.Number, s.Process, p)
	}
	if (s.State == Backoff || s.State == Waiting || s.State == Scheduled || s.State.Final()) && s.Process != None {
		w.fail("a process in state %s", s.State)
	}
	if (s.State == Paused) != p.frozen {
		w.fail("slot %d is %s, in truth frozen: %v", s.Number, s.State, p.frozen)
	}
	if s.State == Backoff && s.Timer != RestartTimer {
		w.fail("backoff without a timer")
	}
	if (s.State == Stopping && s.Process == Alive && !s.Killing || s.State == Draining) && s.Timer == NoTimer {
		w.fail("a stop that nothing will end")
	}
	if s.State == Draining && s.Process != Alive {
		w.fail("slot %d: nothing drains", s.Number)
	}
	if s.Process == Dead && !p.sweep {
		w.fail("nobody looks after the tree of slot %d", s.Number)
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

// happens is one thing that may happen now.
func (w *world) happens() {
	n := w.r.IntN(4)
	k, p := w.any(n)
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
	switch w.r.IntN(30) {
	case 0, 1, 2, 3:
		if p.asked {
			p.asked = false
			if w.r.IntN(4) == 0 {
				w.step(Event{Kind: StartFailed, Slot: n, Generation: k.generation, Exit: Exit{Code: 127}})
				return
			}
			p.alive = true
			w.step(Event{Kind: Started, Slot: n, Generation: k.generation, PID: 100 + n})
		}
	case 4, 5, 6:
		if p.alive {
			p.alive, p.tree = false, true
			x := Exit{Code: []int{0, 0, 1, 137, neverAgain}[w.r.IntN(5)], OOMKilled: w.r.IntN(4) == 0}
			p.well = x.Code == 0
			w.step(Event{Kind: Exited, Slot: n, Generation: k.generation, Exit: x})
		}
	case 7, 8, 9:
		if p.tree && p.sweep {
			p.tree = false
			w.step(Event{Kind: TreeGone, Slot: n, Generation: k.generation})
		}
	case 10, 11, 12:
		if p.timer != 0 {
			epoch := p.timer
			p.timer, p.well = 0, false
			w.step(Event{Kind: Timer, Slot: n, Generation: k.generation, Epoch: epoch})
		}
	case 13: // what is late, or a lie
		lie := []Kind{Started, StartFailed, Exited, TreeGone, Ready, Unready, Unhealthy, Recycle, Frozen, FreezeFailed}[w.r.IntN(10)]
		if past := k.generation - 1 - w.r.IntN(2); !w.place(n, past).there() {
			w.step(Event{Kind: lie, Slot: n, Generation: past})
		}
		w.step(Event{Kind: Timer, Slot: n, Generation: k.generation, Epoch: p.timer - 1 - w.r.IntN(2)})
		if p.alive || p.asked {
			w.step(Event{Kind: TreeGone, Slot: n, Generation: k.generation})
		}
		if !p.alive {
			w.step(Event{Kind: Exited, Slot: n, Generation: k.generation})
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
			w.step(Event{Kind: []Kind{Frozen, FreezeFailed}[w.r.IntN(2)], Slot: n, Generation: k.generation, Epoch: frost - w.r.IntN(2)})
		}
	case 25:
		w.step(Event{Kind: []Kind{Unready, Unhealthy, Said, SaysStopping, MainPID}[w.r.IntN(5)], Slot: n, Generation: k.generation, PID: 77})
	case 26:
		w.step(Event{Kind: Extended, Slot: n, Generation: k.generation, Within: time.Duration(w.r.Int64N(int64(30 * time.Second)))})
	case 27:
		if w.r.IntN(4) == 0 {
			w.step(Event{Kind: DependencyRestarted, Slot: AllSlots})
		}
	case 24:
		w.step(Event{Kind: Recycle, Slot: n, Generation: k.generation - w.r.IntN(2)})
	case 28:
		if p.drain {
			p.drain = false
			if w.r.IntN(2) == 0 {
				w.step(Event{Kind: Undrained, Slot: n, Generation: k.generation})
			}
		}
	case 29:
		switch w.r.IntN(8) {
		case 0:
			next := w.a.Config
			next.Revision++
			w.step(Event{Kind: Redefine, Slot: AllSlots, Config: &next})
		default:
			w.step(Event{Kind: AskReload, Slot: all()})
		}
	case 21:
		if p.alive {
			w.step(Event{Kind: Ready, Slot: n, Generation: k.generation})
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
		if c.Confirm = !c.AwaitReady && r.IntN(2) == 0; c.Confirm {
			c.StartTimeout = 20 * time.Second
		}
		c.Unhealthy = []string{"restart", "reload", "shutdown", "none"}[r.IntN(4)]
		c.BeforeStart, c.AfterExit, c.HookTimeout = r.IntN(3) == 0, r.IntN(3) == 0, 5*time.Second
		if r.IntN(2) == 0 {
			most := r.IntN(4)
			c.Restart.MaxRestarts, c.Restart.Window = &most, spec.Duration(time.Minute)
		}
		c.MaxSurge, c.MaxUnavailable = r.IntN(3), r.IntN(3)
		if r.IntN(2) == 0 {
			c.Drain = 20 * time.Second
		}
		workers := 1 + r.IntN(3)
		if r.IntN(3) == 0 {
			c.Job = &Job{Concurrency: []string{"forbid", "allow", "replace"}[r.IntN(3)], Most: 1 + r.IntN(4),
				Timeout: time.Duration(r.IntN(2)) * 15 * time.Second, Fatal: r.IntN(4) == 0}
			workers, c.MaxSurge = 1, 0
		}
		w := &world{t: t, r: r, a: New(c, workers, true), slots: map[int]*hope{}, all: map[key]*place{}}
		for w.steps < 2000 {
			w.happens()
		}
		w.step(Event{Kind: Shutdown, Slot: AllSlots, Within: Unlimited})
		w.calm()
		if sum := w.a.Summary(); !sum.Idle || !sum.Empty || !sum.Closing || sum.Reloading {
			w.fail("seed %d: after the shutdown: %+v", seed, w.a.Slots)
		}
		total -= w.steps
	}
}

// calm lets everything that is under way come to its end.
func (w *world) calm() {
	for range 40 {
		for _, k := range slices.SortedFunc(maps.Keys(w.all), func(a, b key) int {
			return cmp.Or(a.slot-b.slot, a.generation-b.generation)
		}) {
			w.now += time.Second
			switch p := w.all[k]; {
			case p == nil:
			case p.asked:
				p.asked, p.alive = false, true
				w.step(Event{Kind: Started, Slot: k.slot, Generation: k.generation, PID: 5})
			case p.alive:
				p.alive, p.tree = false, true
				w.step(Event{Kind: Exited, Slot: k.slot, Generation: k.generation})
			case p.tree && p.sweep:
				p.tree = false
				w.step(Event{Kind: TreeGone, Slot: k.slot, Generation: k.generation})
			}
		}
	}
}
