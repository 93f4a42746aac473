package launch

import (
	"testing"

	"goinit/reaper"
	"goinit/spec"
)

// Without SETPCAP the bounding set cannot be narrowed, and under no_new_privs it need not be; the sets that count are as asked for.
func TestCapabilitiesWithoutSetpcap(t *testing.T) {
	const all, chown, setpcap = docker, 1, 1 << 8
	drop := spec.Capabilities{Drop: []string{"ALL"}}
	for _, c := range []struct {
		name         string
		own          held
		root, sealed bool
		want         reaper.Capabilities
	}{
		{"root that may", held{all, all}, true, true, reaper.Capabilities{}},
		{"root that may not, sealed", held{all, all &^ setpcap}, true, true, reaper.Capabilities{Bounding: all}},
		{"user, sealed", held{all, 0}, false, true, reaper.Capabilities{Bounding: all}},
		{"user, not sealed", held{all, 0}, false, false, reaper.Capabilities{}}, // it fails, and says at what
	} {
		got, err := capabilities(drop, c.own, c.root, c.sealed)
		if err != nil || *got != c.want {
			t.Errorf("%s: %+v, %v, wanted %+v", c.name, got, err, c.want)
		}
	}
	got, err := capabilities(spec.Capabilities{Drop: []string{"ALL"}, Add: []string{"CHOWN"}}, held{all, chown}, false, true)
	if want := (reaper.Capabilities{Bounding: all, Permitted: chown, Inheritable: chown, Ambient: chown}); err != nil || *got != want {
		t.Errorf("with one: %+v, %v, wanted %+v", got, err, want)
	}
}
