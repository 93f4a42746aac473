package query

// Filter does what a Query says about texts to lines that come one at a time, from elsewhere than a Store.
type Filter struct {
	q    *Query
	apps map[string]*contexts
}

// NewFilter makes one. Only Match, Invert, Before and After count.
func NewFilter(q *Query) *Filter { return &Filter{q, make(map[string]*contexts)} }

// Add takes the next line, and returns what is to be shown now.
func (f *Filter) Add(l Line) []Line {
	asked := f.q.Match == nil || f.q.Match.Match(l.Text) != f.q.Invert
	if !f.q.context() {
		if asked {
			return []Line{l}
		}
		return nil
	}
	c := f.apps[l.App]
	if c == nil {
		c = &contexts{q: f.q, copies: true}
		f.apps[l.App] = c
	}
	return c.add(nil, l, asked)
}
