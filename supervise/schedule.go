package supervise

import (
	"fmt"
	"math/rand/v2"
	"time"

	"goinit/schedule"
	"goinit/spec"
	"goinit/supervise/app"
)

// plan is when something comes again and again: a job's runs, or the replacement of an app's workers. It has one timer, which
// is armed for the next time only.
//
// A timer of the runtime counts on a clock that neither jumps nor goes on while the machine sleeps, and an expression is of
// the clock on the wall. So the timer is but a reason to look: when it fires too early, it is armed again. For the other
// direction somebody tells of each jump (ClockSet). What was missed meanwhile comes once.
type plan struct {
	every      time.Duration // by no clock: every so long since it was armed; 0: by the expression
	expression schedule.Expression
	zone       *time.Location
	jitter     time.Duration // that is added to each time, at most

	began time.Time // of every
	next  time.Time // zero: never
	due   time.Time // next without the jitter
	last  time.Time // the due that came last
	timer *time.Timer
}

// goesBack is how far a clock may be set back without what has come already coming again; beyond that it was wrong before.
// It is cron(8)'s figure.
const goesBack = 3 * time.Hour

// newPlan is a plan by an expression in a zone, or by a period.
func newPlan(cron, zone string, every, jitter time.Duration) (p *plan, err error) {
	p = &plan{every: every, jitter: jitter}
	if every > 0 {
		return p, nil
	}
	if p.expression, err = schedule.Parse(cron); err == nil {
		p.zone, err = schedule.Zone(zone)
	}
	return p, err
}

// plansOf are the plans that an app has: of its runs, and of its recycling.
func plansOf(a *spec.App) (runs, recycle *plan, err error) {
	if s := a.Schedule; s != nil {
		if runs, err = newPlan(s.Cron, s.Timezone, time.Duration(s.Every), 0); err != nil {
			return nil, nil, fmt.Errorf("%s: schedule: %w", a.Name, err)
		}
	}
	if r := a.Recycle; r.Schedule != "" {
		if recycle, err = newPlan(r.Schedule, r.Timezone, 0, time.Duration(r.Jitter)); err != nil {
			return nil, nil, fmt.Errorf("%s: recycle: %w", a.Name, err)
		}
	}
	return runs, recycle, nil
}

// ahead finds the next time. Now has a monotonic reading if the plan is by a period.
func (p *plan) ahead(now time.Time) {
	if p.every > 0 {
		if p.began.IsZero() {
			p.began = now
		}
		p.due = p.began.Add((now.Sub(p.began)/p.every + 1) * p.every)
		p.next = p.due
		return
	}
	if p.last.After(now) && p.last.Sub(now) <= goesBack {
		now = p.last
	}
	p.due = p.expression.Next(now.In(p.zone))
	p.next = p.due
	if p.jitter > 0 && !p.due.IsZero() {
		p.next = p.due.Add(rand.N(p.jitter))
	}
}

// Facts of an owner that are no events of its machine.
const (
	runIsDue     = app.Kind(253)
	recycleIsDue = app.Kind(252)
	clockIsSet   = app.Kind(251)
)

// clock is the time that a plan goes by: where it goes by the wall's, that of whoever made the Supervisor.
func (o *owner) clock(p *plan) time.Time {
	if now := o.supervisor.config.Now; now != nil && p.every == 0 {
		return now()
	}
	return time.Now()
}

func (o *owner) arm(p *plan, kind app.Kind) {
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	if p.next.IsZero() {
		return
	}
	p.timer = time.AfterFunc(max(0, p.next.Sub(o.clock(p))), func() { o.inbox.fact(app.Event{Kind: kind}) })
}

// fired looks whether the time has come, and reports it. In any case the timer is armed for what is next.
func (o *owner) fired(p *plan, kind app.Kind) (come bool) {
	if p == nil || p.timer == nil {
		return false // it is not planned any more
	}
	if now := o.clock(p); !now.Before(p.next) {
		come, p.last = true, p.due
		p.ahead(now)
	}
	o.arm(p, kind)
	return come
}

// clockSet looks again at what goes by the clock on the wall.
func (o *owner) clockSet() {
	for kind, p := range o.plans() {
		if p.timer == nil || p.every > 0 {
			continue
		}
		if now := o.clock(p); now.Before(p.next) {
			p.ahead(now)
			o.arm(p, kind)
			continue
		}
		o.come(kind)
	}
}

// plans are those that the app has, by what their timers tell.
func (o *owner) plans() map[app.Kind]*plan {
	all := map[app.Kind]*plan{}
	if o.runs != nil {
		all[runIsDue] = o.runs
	}
	if o.recycle != nil {
		all[recycleIsDue] = o.recycle
	}
	return all
}

// come is a timer of a plan.
func (o *owner) come(kind app.Kind) {
	switch kind {
	case runIsDue:
		if o.fired(o.runs, kind) {
			o.step(app.Event{Kind: app.Due, Slot: app.AllSlots})
		}
	case recycleIsDue:
		if !o.fired(o.recycle, kind) {
			return
		}
		why := "schedule: " + o.recycle.expression.String()
		for _, s := range o.state.Slots { // the machine takes them one after another
			o.step(app.Event{Kind: app.Recycle, Slot: s.Number, Generation: s.Generation, Detail: why})
		}
	}
}

// keepPlans arms what is wanted after a step, and disarms what is not: an app that is stopped has no next run, and costs
// nothing.
func (o *owner) keepPlans() {
	if o.runs == nil && o.recycle == nil {
		return
	}
	wanted := o.planned()
	for kind, p := range o.plans() {
		switch {
		case wanted && p.timer == nil:
			if p.every == 0 {
				o.supervisor.watchClock()
			}
			p.began = time.Time{}
			p.ahead(o.clock(p))
			o.arm(p, kind)
		case !wanted && p.timer != nil:
			p.timer.Stop()
			p.timer = nil
		}
	}
}

// planned reports whether the clock may start anything: not once the app was stopped, or has given up.
func (o *owner) planned() bool {
	if o.state.Closing || o.leaving || len(o.state.Slots) == 0 {
		return false
	}
	s := &o.state.Slots[0]
	return o.runs == nil || !s.State.Final() && (s.State != app.Stopping || s.Next != app.Stay && s.Next != app.Leave)
}

// nextRun is when the job runs next; nil: it does not.
func (o *owner) nextRun() *time.Time {
	if o.runs == nil || o.runs.timer == nil {
		return nil
	}
	at := o.runs.next
	return &at
}

// keepAges has every process replaced when it is old enough: recycle.max_age.
func (o *owner) keepAges() {
	most := o.maxAge
	alive := func(s *app.Slot) bool { return s != nil && s.Process == app.Alive && s.Hook == app.NoHook }
	for at, timer := range o.ages {
		if !alive(o.at(at)) {
			timer.Stop()
			delete(o.ages, at)
		}
	}
	if most == 0 {
		return
	}
	for s := range o.all() {
		at := placeOf(s)
		if o.ages[at] != nil || !alive(s) {
			continue
		}
		e := app.Event{Kind: app.Recycle, Slot: s.Number, Generation: s.Generation, Detail: "max_age: " + spec.Duration(most).String()}
		after := most
		if o.jitter > 0 {
			after += rand.N(o.jitter)
		}
		o.ages[at] = time.AfterFunc(after, func() { o.inbox.fact(e) })
	}
}

// unplan stops all timers of plans.
func (o *owner) unplan() {
	for _, p := range o.plans() {
		if p.timer != nil {
			p.timer.Stop()
			p.timer = nil
		}
	}
	for at, timer := range o.ages {
		timer.Stop()
		delete(o.ages, at)
	}
}

// ClockSet is to be called when the clock on the wall has jumped: it was set, or the machine has slept.
func (s *Supervisor) ClockSet() {
	for _, o := range *s.owners.Load() {
		o.inbox.fact(app.Event{Kind: clockIsSet})
	}
}

// watchClock asks for ClockSet, as soon as there is something that goes by that clock.
func (s *Supervisor) watchClock() {
	if s.config.WatchClock != nil {
		s.watchingClock.Do(s.config.WatchClock)
	}
}
