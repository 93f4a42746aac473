package reaper

import "testing"

func TestX(t *testing.T) {
	r := New(nil)
	for _, a := range [][]string{{"true"}, {"sh", "-c", "exit 7"}, {"/nonexist"}, {"nonexist"}, {"/etc"}, {"/etc/passwd"}} {
		n := 10
		p, err := r.Start(&Command{Argv: a, Env: []string{"PATH=/bin", "LISTEN_PID=1"}, Group: true, Nice: &n, OOMScoreAdj: &n})
		t.Log(p, err)
		for r.Reap() {
		}
		if err == nil {
			<-p.Done()
			t.Log(p.Status().Code())
		}
	}
}
