package spec

import (
	"cmp"
	"fmt"

	"goinit/schedule"
)

// Schedule makes a job of an app: it does not run all the time, but when its time has come. One of Cron and Every says when.
type Schedule struct {
	Cron        string   `json:"cron,omitempty"`     // see package schedule
	Every       Duration `json:"every,omitempty"`    // from start to start
	Timezone    string   `json:"timezone,omitempty"` // of Cron; UTC, Local, or one of the system's
	Concurrency string   `json:"concurrency"`        // when the last run is not over: forbid, allow, replace
	Timeout     Duration `json:"timeout,omitempty"`  // of one run; 0: none
	History     int      `json:"history"`            // runs that are remembered
}

// Job reports whether the app is one.
func (a *App) Job() bool { return a.Schedule != nil }

// Runs is how many runs of a job there may be at the same time.
func (a *App) Runs() int {
	if a.Job() && a.Schedule.Concurrency == "allow" {
		return a.MaxWorkers
	}
	return 1
}

// Recycle is when a worker is replaced on purpose.
type Recycle struct {
	Schedule string          `json:"schedule,omitempty"` // cron
	Timezone string          `json:"timezone,omitempty"` // of Schedule
	MaxAge   Duration        `json:"max_age,omitempty"`  // from the start of its process; 0: none
	Jitter   Duration        `json:"jitter,omitempty"`   // what chance adds to Schedule and MaxAge, at most
	Memory   MemoryThreshold `json:"memory,omitzero"`
	Pressure Pressure        `json:"pressure,omitzero"`
}

// OfMemory reports whether the kernel has to be asked about a worker's memory: the rest goes by the clock alone.
func (r Recycle) OfMemory() bool {
	return r.Memory != (MemoryThreshold{}) || r.Pressure != (Pressure{})
}

// ParseCron reads a cron expression, and keeps its text.
func ParseCron(s string) (string, error) {
	_, err := schedule.Parse(s)
	return s, err
}

// ParseTimezone looks at the form of a zone's name; the zone is for the machine that runs it.
func ParseTimezone(s string) (string, error) { return schedule.CheckZone(s) }

// leastEvery keeps a job from being a loop: what is to run more often than that is an app that runs all the time.
const leastEvery = Duration(1e9)

// ParseEvery reads the time between two runs.
func ParseEvery(s string) (Duration, error) {
	d, err := ParseDuration(s)
	if err == nil && d < leastEvery {
		err = fmt.Errorf("%v is less than %v: what is to run that often is an app that runs all the time", d, leastEvery)
	}
	return d, err
}

// schedule reads an object, or the expression alone.
func (l *loader) schedule(f *fields) *Schedule {
	v, there := f.get("schedule")
	if !there {
		return nil
	}
	s := &Schedule{Concurrency: "forbid", History: 10}
	if _, ok := v.(*object); !ok {
		s.Cron = parsed(l, f.at("schedule"), v, "", ParseCron)
		s.Timezone = "UTC"
		return s
	}
	o := l.object(f.at("schedule"), v)
	s.Cron = value(o, "cron", "", ParseCron)
	s.Every = value(o, "every", 0, ParseEvery)
	s.Timezone = value(o, "timezone", "", ParseTimezone)
	s.Concurrency = value(o, "concurrency", s.Concurrency, OneOf("forbid", "allow", "replace"))
	s.Timeout = value(o, "timeout", 0, positive)
	s.History = value(o, "history", s.History, IntBetween(0, 1000))
	_, cron := o.o.values["cron"]
	_, every := o.o.values["every"]
	switch {
	case cron && every:
		l.fail(o.path, "cron and every: one of them says when, leave the other out")
	case !cron && !every:
		l.fail(o.path, `does not say when: write cron: "0 3 * * *" or every: 5m`)
	case every && s.Timezone != "":
		l.fail(o.at("timezone"), "is of cron, and there is none: every goes by no clock")
	case cron:
		s.Timezone = cmp.Or(s.Timezone, "UTC")
	}
	o.end()
	return s
}

// checkJob refuses what has no meaning for a job. What may come from defaults: and is of no use to it is left alone: the
// policy and the delays of restart.
func (l *loader) checkJob(f *fields, a *App) {
	if !a.Job() {
		return
	}
	if a.Main {
		l.fail(f.at("main"), "a job does not end, and so cannot end goinit: leave it out")
	}
	if (a.Workers.Auto || a.Workers.Count != 1) && !l.unknown(f, "workers") {
		l.fail(f.at("workers"), "a job has one worker a run: leave it out; several runs at a time are schedule: {concurrency: allow}, max_workers of them at most")
	}
	if a.Watch.On() {
		l.fail(f.at("watch"), "a job is not replaced when files change, its next run has them: leave it out")
	}
	if r := a.Recycle; r.Schedule != "" || r.MaxAge > 0 || r.Memory != (MemoryThreshold{}) || r.Pressure != (Pressure{}) {
		l.fail(f.at("recycle"), "a job is not recycled, each of its runs is a new process: leave it out; a limit of time is schedule: {timeout: 10m}")
	}
}

func (l *loader) recycle(f *fields) Recycle {
	o := f.object("recycle")
	r := Recycle{
		Schedule: value(o, "schedule", "", ParseCron), Timezone: value(o, "timezone", "", ParseTimezone),
		MaxAge: value(o, "max_age", 0, positive), Jitter: value(o, "jitter", 0, ParseDuration),
		Memory: value(o, "memory", MemoryThreshold{}, ParseMemoryThreshold), Pressure: value(o, "pressure", Pressure{}, ParsePressure),
	}
	given := func(key string) bool { _, there := o.o.values[key]; return there }
	switch {
	case given("timezone") && !given("schedule"):
		l.fail(o.at("timezone"), "is of schedule, and there is none: write that, or leave it out")
	case given("jitter") && !given("schedule") && !given("max_age"):
		l.fail(o.at("jitter"), "is of schedule and max_age, and there is neither: write one, or leave it out")
	}
	if given("schedule") {
		r.Timezone = cmp.Or(r.Timezone, "UTC")
	}
	if (given("schedule") || given("max_age")) && !given("jitter") {
		r.Jitter = seconds(300)
	}
	o.end()
	return r
}
