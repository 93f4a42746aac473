package top

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"goinit/control"
)

// item is a row: a worker, or an app of several.
type item struct {
	key    string // by which it is found again in the next reading
	name   string // web/0, or web
	target string // the word for it in an order
	app    string
	order  int // in the spec
	worker *control.Worker
	use    *use
	of     []*item // of an app's row: its workers
	folded bool
	inside bool // below its app's row
}

func (i *item) isApp() bool { return i.worker == nil }

// state of an app is that of its worker that most needs somebody.
func (i *item) state() control.State {
	if !i.isApp() {
		return i.worker.State
	}
	worst := control.Completed
	for _, w := range i.of {
		if urgency(w.worker.State) > urgency(worst) {
			worst = w.worker.State
		}
	}
	return worst
}

// urgency orders states by how much they need somebody: what has failed first, what is well after what is on its way.
func urgency(s control.State) int {
	return slices.Index([]control.State{control.Completed, control.Stopped, control.Scheduled, control.Running, control.Draining,
		control.Paused, control.Waiting, control.Starting, control.Stopping, control.Backoff, control.Failed}, s)
}

func (i *item) ready() (n, of int) {
	if i.isApp() {
		for _, w := range i.of {
			one, _ := w.ready()
			n += one
		}
		return n, len(i.of)
	}
	if i.worker.Ready {
		n = 1
	}
	return n, 1
}

func (i *item) restarts() (n int) {
	if !i.isApp() {
		return i.worker.Restarts
	}
	for _, w := range i.of {
		n += w.worker.Restarts
	}
	return n
}

// arrange makes the rows of a reading: filtered, grouped and sorted.
func (m *model) arrange() {
	apps, members := m.group()
	column := m.sorting()
	order := func(a, b *item) int {
		n := column.compare(m, a, b)
		if m.descending {
			n = -n
		}
		return cmp.Or(n, cmp.Compare(a.order, b.order))
	}
	m.rows = m.rows[:0]
	if !m.grouped {
		for _, app := range apps {
			m.rows = append(m.rows, members[app.app]...)
		}
		slices.SortStableFunc(m.rows, order)
		return
	}
	slices.SortStableFunc(apps, order)
	for _, app := range apps {
		of := members[app.app]
		if len(app.of) < 2 { // of all that it has, not only of those that the filter leaves
			m.rows = append(m.rows, of...)
			continue
		}
		m.rows = append(m.rows, app)
		if app.folded {
			continue
		}
		slices.SortStableFunc(of, order)
		for _, i := range of {
			i.inside = true
			m.rows = append(m.rows, i)
		}
	}
}

// group has each app, with all its workers, and of these the ones that the filter leaves.
func (m *model) group() (apps []*item, members map[string][]*item) {
	members = make(map[string][]*item)
	of := make(map[string]*item)
	keys := make(map[string]int)
	for n := range m.reading.Workers {
		w := &m.reading.Workers[n]
		name := w.Name()
		keys[name]++
		i := &item{key: keyOf(name, keys[name]), name: name, target: name, app: w.App, order: n, worker: w, use: m.uses[keyOf(name, keys[name])]}
		app := of[w.App]
		if app == nil {
			app = &item{key: w.App + "/", name: w.App, target: w.App, app: w.App, order: n, use: m.uses[w.App+"/"], folded: m.folded[w.App]}
			of[w.App] = app
			apps = append(apps, app)
		}
		app.of = append(app.of, i)
		if m.wants(i) {
			members[w.App] = append(members[w.App], i)
		}
	}
	apps = slices.DeleteFunc(apps, func(a *item) bool { return len(members[a.app]) == 0 })
	return apps, members
}

// keyOf tells the two workers apart that a slot has while one replaces the other.
func keyOf(name string, nth int) string {
	if nth == 1 {
		return name
	}
	return fmt.Sprintf("%s#%d", name, nth)
}

// wants is the filter: every word of it is in the name or the state.
func (m *model) wants(i *item) bool {
	for _, word := range strings.Fields(strings.ToLower(m.filter)) {
		if !strings.Contains(i.name, word) && !strings.Contains(string(i.worker.State), word) {
			return false
		}
	}
	return true
}

// measure enters a reading into what is known of each worker and app. Those that are not in it are forgotten.
func (m *model) measure() {
	stats := make(map[string]*control.Stats)
	for i := range m.reading.Stats {
		if st := &m.reading.Stats[i]; st.PID != nil {
			stats[fmt.Sprint(st.Name(), " ", *st.PID)] = st
		}
	}
	m.readings++
	apps, _ := m.group()
	for _, app := range apps {
		for _, i := range app.of {
			u := m.used(i.key)
			i.use = u
			var st *control.Stats
			if i.worker.PID != nil {
				st = stats[fmt.Sprint(i.name, " ", *i.worker.PID)]
			}
			u.take(i.worker, st, m.reading.At)
		}
		u := m.used(app.key)
		u.cpu, u.memory = sum(app.of, func(i *item) float64 { return i.use.cpu }), sum(app.of, func(i *item) float64 { return i.use.memory })
		u.tasks = sum(app.of, func(i *item) float64 { return i.use.tasks })
		u.cpus.add(u.cpu)
		u.memories.add(u.memory)
	}
	for key, u := range m.uses {
		if u.seen != m.readings {
			delete(m.uses, key)
		}
	}
}

func (m *model) used(key string) *use {
	u := m.uses[key]
	if u == nil {
		u = newUse()
		m.uses[key] = u
	}
	u.seen = m.readings
	return u
}

// detailsAtOnce bounds what one reading costs PID 1: some files a worker, or a look at its processes in /proc.
const detailsAtOnce = 64

// details are the workers whose Stats are wanted next: those on the screen, and some of the others by turns.
func (m *model) details() (names []string) {
	asked := make(map[string]bool)
	add := func(i *item) {
		if !i.isApp() && i.worker.PID != nil && i.worker.Slot != nil && !asked[i.name] && len(names) < detailsAtOnce {
			asked[i.name] = true
			names = append(names, i.name)
		}
	}
	for _, i := range m.visible() {
		add(i)
	}
	apps, _ := m.group()
	var all []*item
	for _, app := range apps {
		all = append(all, app.of...)
	}
	for range all {
		if len(names) == detailsAtOnce {
			break
		}
		m.turn = (m.turn + 1) % len(all)
		add(all[m.turn])
	}
	return names
}
