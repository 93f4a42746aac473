package pid1

import (
	"errors"
	"fmt"
	"slices"

	"goinit/cluster"
	"goinit/spec"
)

// preparation is what one Prepare has done. It is done before anything is started, so that nothing of it can fail later, and
// so that who is started finds it; until somebody is, nothing of it can be felt.
type preparation struct {
	clusters *clusters
	named    map[string]bool       // the apps of the spec
	wanted   map[string][]listened // by app; one that joins is in it
	undo     []func()
}

// Prepare is supervise.Cluster's.
func (c *clusters) Prepare(apps []spec.App) (commit, abort func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &preparation{clusters: c, named: map[string]bool{}, wanted: map[string][]listened{}}
	var joining []*spec.App
	for i := range apps {
		a := &apps[i]
		p.named[a.Name] = true
		if joins, _ := c.Wants(a); !joins {
			continue
		}
		if p.wanted[a.Name], err = c.sockets(a); err != nil {
			return nil, nil, err
		}
		joining = append(joining, a)
	}
	for _, a := range joining {
		if err := p.app(a); err != nil {
			p.abort()
			return nil, nil, err
		}
	}
	locked := func(f func()) func() {
		return func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			f()
		}
	}
	return locked(p.commit), locked(p.abort), nil
}

// app opens what is not open yet, for all of the app's slots, and changes what is. Of an address that is open already, a
// slot that is new gets its socket when it joins.
func (p *preparation) app(a *spec.App) error {
	c := p.clusters
	s := c.apps[a.Name]
	if s == nil {
		s = &served{pool: cluster.NewPool(c.relay), mode: balanceOf(a), members: map[*member]bool{}}
		c.apps[a.Name] = s
		p.undo = append(p.undo, func() {
			s.close()
			delete(c.apps, a.Name)
		})
	}
	if err := p.mode(a, s); err != nil {
		return err
	}
	for _, l := range p.wanted[a.Name] {
		if err := p.address(a, s, l); err != nil {
			return explainListen(a.Name, l.address, err)
		}
	}
	return nil
}

// mode is balance: of an app that there is already.
func (p *preparation) mode(a *spec.App, s *served) error {
	was, to := s.mode, balanceOf(a)
	if was == to {
		return nil
	}
	p.undo = append(p.undo, func() {
		s.mode = was
		_ = s.pool.SetMode(was)
	})
	s.mode = to
	return explainMode(a, s.pool.SetMode(to))
}

// explainMode says why the balance of what is open cannot be changed.
func explainMode(a *spec.App, err error) error {
	switch {
	case errors.Is(err, cluster.ErrNotSteered):
		return fmt.Errorf("%s: balance cannot be changed while its sockets are open: %w, and some would wait for ever\n  start goinit anew for it", a.Name, err)
	case err != nil:
		return fmt.Errorf("%s: balance: %w", a.Name, err)
	}
	return nil
}

// address has one of listen: be the app's.
func (p *preparation) address(a *spec.App, s *served, l listened) error {
	c := p.clusters
	if !slices.ContainsFunc(s.open, l.same) {
		before := slices.Clone(s.open)
		s.open = append(s.open, l)
		p.undo = append(p.undo, func() { s.open = before })
	}
	if s.pool.Has(l.address) {
		return p.adjust(s, l)
	}
	if from := p.holder(l); from != nil {
		return p.take(a, s, from, l)
	}
	c.queueLimit(l)
	p.undo = append(p.undo, func() { s.forget(l.address) })
	return p.slots(a, s, l)
}

// slots opens the sockets of all slots.
func (p *preparation) slots(a *spec.App, s *served, l listened) error {
	for slot := range max(1, p.clusters.workers(a)) {
		if _, err := s.pool.Socket(slot, l.address, l.options); err != nil {
			return err
		}
	}
	return nil
}

// adjust changes what a word says otherwise of an address than the one before.
func (p *preparation) adjust(s *served, l listened) error {
	was, err := s.pool.Adjust(l.address, l.options)
	if was.Backlog != l.options.Backlog {
		p.clusters.queueLimit(l)
	}
	p.undo = append(p.undo, func() { _, _ = s.pool.Adjust(l.address, was) })
	return err
}

// holder is an app that has an address which the last word gives to another.
func (p *preparation) holder(l listened) *served {
	for name, s := range p.clusters.apps {
		was := slices.ContainsFunc(s.open, l.same) || !p.named[name]
		if was && !slices.ContainsFunc(p.wanted[name], l.same) && s.pool.Has(l.address) {
			return s
		}
	}
	return nil
}

// take has an address pass from one app to another with all that waits there. The workers that the one has there go on until
// they are replaced.
func (p *preparation) take(a *spec.App, s, from *served, l listened) error {
	if err := s.pool.Take(from.pool, l.address); err != nil {
		return err
	}
	p.undo = append(p.undo, func() {
		_ = from.pool.Take(s.pool, l.address)
		_ = from.pool.SetMode(from.mode)
		s.forget(l.address)
	})
	if err := explainMode(a, s.pool.SetMode(s.mode)); err != nil {
		return err
	}
	if err := p.adjust(s, l); err != nil {
		return err
	}
	return p.slots(a, s, l)
}

// abort takes it all back, the last first.
func (p *preparation) abort() {
	for _, undo := range slices.Backward(p.undo) {
		undo()
	}
}

func (p *preparation) commit() {
	for name, s := range p.clusters.apps {
		wanted, named := p.wanted[name]
		s.wanted, s.gone = wanted, !named
		p.clusters.tidy(name, s)
	}
}
