package ctl

import (
	"fmt"
	"slices"

	"goinit/control"
	"goinit/ctl/human"
	"goinit/spec"
)

// describeSchedule says when a job runs, or when an app is restarted and its workers are replaced.
func describeSchedule(a *spec.App, add func(key, value string)) {
	if j := a.Schedule; j != nil {
		when := fmt.Sprintf("%s (%s)", j.Cron, j.Timezone)
		if j.Every > 0 {
			when = fmt.Sprintf("every %v", j.Every)
		}
		add("schedule", when)
		add("concurrency", j.Concurrency)
		if j.Timeout > 0 {
			add("timeout", j.Timeout.String())
		}
	} else {
		add("restart", a.Restart.Policy)
	}
	r := a.Recycle
	if r.Schedule != "" {
		add("recycled", fmt.Sprintf("%s (%s), up to %v later", r.Schedule, r.Timezone, r.Jitter))
	}
	if r.MaxAge > 0 {
		add("recycled", fmt.Sprintf("when %v old, up to %v later", r.MaxAge, r.Jitter))
	}
}

// describeRuns lists the last runs of a job, the newest first.
func (s *session) describeRuns(runs []control.Run, add func(key, value string)) {
	key := "runs"
	for _, r := range slices.Backward(runs) {
		text := fmt.Sprintf("%s  %s  ", r.StartedAt.Format("2006-01-02T15:04:05Z07:00"), r.Worker)
		switch {
		case r.EndedAt == nil || r.Exit == nil:
			text += "runs for " + human.Span(s.now().Sub(r.StartedAt))
		case r.Exit.Error != "":
			text += human.ExitText(r.Exit)
		default:
			text += fmt.Sprintf("%s after %s", human.ExitText(r.Exit), human.Span(r.EndedAt.Sub(r.StartedAt)))
		}
		add(key, text)
		key = ""
	}
}
