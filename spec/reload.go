package spec

// drainTime is stop.drain's default.
const drainTime = Duration(30e9)

// Reload is how an app's workers are replaced.
type Reload struct {
	MaxSurge       *int   `json:"max_surge,omitempty"`       // workers more than there should be; nil: auto
	MaxUnavailable *int   `json:"max_unavailable,omitempty"` // workers fewer; nil: auto
	Signal         string `json:"signal,omitempty"`          // sent instead of replacing; ParseSignal has its number
}

// reload reads an object.
func (l *loader) reload(f *fields) Reload {
	o := f.object("reload")
	parse := parseAuto(IntBetween(0, MaxWorkers))
	r := Reload{MaxSurge: value(o, "max_surge", nil, parse), MaxUnavailable: value(o, "max_unavailable", nil, parse), Signal: value(o, "signal", "", ParseReloadSignal)}
	none := func(n *int) bool { return n != nil && *n == 0 }
	if none(r.MaxSurge) && none(r.MaxUnavailable) && !l.unknown(o, "max_surge", "max_unavailable") {
		l.fail(o.at("max_unavailable"), "with max_surge: 0 no worker could be replaced: write 1 for one of them")
	}
	o.end()
	return r
}

// Serves reports whether the app's workers serve on sockets of goinit's: then two can do it side by side, and what they have
// can be drained.
func (a *App) Serves() bool { return len(a.Listen) > 0 || a.NodeChannel() == NodeCluster }

// Surge is how many workers there may be beyond those that there should be while they are replaced, and Unavailable how
// many fewer.
func (a *App) Surge() (surge, unavailable int) {
	if a.Job() {
		return 0, 1
	}
	r := &a.Reload
	switch {
	case r.MaxSurge != nil:
		surge = *r.MaxSurge
	case a.Serves(), r.MaxUnavailable != nil && *r.MaxUnavailable == 0:
		surge = 1
	}
	switch {
	case r.MaxUnavailable != nil:
		unavailable = *r.MaxUnavailable
	case surge == 0:
		unavailable = 1
	}
	return surge, unavailable
}

// Drain is the time that a worker has to finish what it has, ahead of Stop.Timeout.
func (a *App) Drain() Duration {
	switch {
	case !a.Serves():
		return 0
	case a.Stop.Drain == nil:
		return drainTime
	}
	return *a.Stop.Drain
}

// checkDrain refuses a time to finish connections for what has none of goinit's.
func (l *loader) checkDrain(f *fields, a *App) {
	if d := a.Stop.Drain; d != nil && *d != drainTime && !a.Serves() && !l.unknown(f, "node", "workers") {
		l.fail(f.at("stop.drain"), "only who serves on goinit's sockets can be drained: write listen: [\":8080\"] or node: cluster, or leave it out")
	}
}
