package control

import "testing"

func TestAccessHasAName(t *testing.T) {
	for a, want := range map[access]string{none: "none", observe: "observe", read: "read", write: "write"} {
		if got := a.String(); got != want {
			t.Errorf("access %d is called %q, want %q", a, got, want)
		}
	}
}
