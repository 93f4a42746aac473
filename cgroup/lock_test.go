package cgroup

import (
	"errors"
	"strings"
	"testing"
)

// Who comes second to a place has no groups, and harms none of the first one's; once that has gone, the place is free.
func TestPlaceIsOneGoinits(t *testing.T) {
	onEach(t, func(t *testing.T, b *bed) {
		g := b.group(t, "web/0.1", nil)
		c := start(t, g, "sleep")
		c.ready(t)
		second, err := Open(b.place)
		var why *Unavailable
		if !errors.As(err, &why) || !strings.HasPrefix(why.Reason, "another goinit has its groups in ") || why.Remedy != "give this one a group of its own: GOINIT_CGROUP=/goinit-2" {
			if second != nil {
				second.Close()
			}
			t.Fatalf("%v", err)
		}
		if empty, err := g.Empty(); empty || err != nil {
			t.Errorf("the first one's group is empty: %v, %v", empty, err)
		}
		b.unlock()
		if second, err = Open(b.place); err != nil {
			t.Fatal(err)
		}
		second.watcher.close()
		second.unlock()
	})
}
