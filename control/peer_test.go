package control

import "testing"

// Every kind of access has its own name: they are counted in two places.
func TestAccessNames(t *testing.T) {
	for a, want := range map[access]string{none: "none", observe: "observe", read: "read", write: "write"} {
		if got := a.String(); got != want {
			t.Errorf("%d is %q, wanted %q", int(a), got, want)
		}
	}
}
