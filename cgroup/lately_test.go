package cgroup

import (
	"testing"
	"time"
)

// Whoever has run since, uses more or less, or waits, is looked at again; and so is everybody after a while.
func TestQuiet(t *testing.T) {
	start := time.Unix(1e9, 0)
	after := func(d time.Duration) time.Time { return start.Add(d) }
	s := Stats{CPU: time.Second, Memory: 1 << 20}
	l := &lately{}
	if l.compare(&s, start) {
		t.Fatal("quiet before anything was read")
	}
	l.Stats, l.restAt, l.pressureAt = s, start, start
	busy, bigger := s, s
	busy.CPU++
	bigger.Memory++
	for _, other := range []Stats{busy, bigger, {Memory: s.Memory}} {
		was := *l
		if l.compare(&other, after(1)) || l.quietSince != after(1) {
			t.Errorf("%+v is taken for quiet", other)
		}
		*l = was
	}
	if !l.compare(&s, after(1)) || l.quietSince != start {
		t.Error("the same is not quiet")
	}
	for _, tt := range []struct {
		read, now time.Duration
		some      float64
		want      bool
	}{
		{0, time.Second, 0, false}, // somebody may have begun to wait before it was quiet
		{calmAfter - 1, calmAfter, 0, false},
		{calmAfter, calmAfter, 0, true},
		{calmAfter, calmAfter, 0.01, false},
		{calmAfter, calmAfter + believed, 0, false},
	} {
		l.pressureAt, l.restAt = after(tt.read), after(tt.read)
		l.Pressure[IOPressure].Some.Avg10 = tt.some
		if got := l.isCalm(after(tt.now)); got != tt.want {
			t.Errorf("%+v: calm is %v", tt, got)
		}
		if got := l.isSettled(after(tt.now)); got != (tt.want || tt.some > 0) {
			t.Errorf("%+v: settled is %v", tt, got)
		}
	}
	l.Stats.Pressure, l.pressureAt = [3]Pressure{}, after(calmAfter)
	l.forget()
	if l.isCalm(after(calmAfter)) || l.isSettled(after(calmAfter)) {
		t.Error("what was forgotten is believed")
	}
}

// A quiet group is not read again in full, one whose limits were set is, and both say what is so.
func TestQuietGroup(t *testing.T) {
	onEach(t, func(t *testing.T, b *bed) {
		b.needs(t, "memory")
		g := b.group(t, "web/0.1", nil)
		start(t, g, "hold 8").ready(t)
		const mark = 12345
		var first, s Stats
		eventually(t, "it is quiet", func() bool {
			if g.Stat(&first) != nil {
				return false
			}
			g.lately.Anon = mark
			return g.Stat(&s) == nil && s.Anon == mark
		})
		if s.Memory != first.Memory || s.CPU != first.CPU || s.Pids != first.Pids || s.Peak != first.Peak || s.Limit != first.Limit || s.OOMKills != 0 {
			t.Errorf("%+v, and read in full %+v", s, first)
		}
		if len(g.Apply(nil)) > 0 {
			t.Fatal("limits cannot be set")
		}
		if err := g.Stat(&s); err != nil || s.Anon == mark || s.Anon < 8*megabyte {
			t.Errorf("%+v, %v", s, err)
		}
	})
}
