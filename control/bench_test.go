package control_test

import (
	"context"
	"testing"

	"goinit/control"
	"goinit/control/controltest"
)

// BenchmarkPs is a question and its answer with 500 workers, on one connection.
func BenchmarkPs(b *testing.B) {
	fake := controltest.New()
	s := *fake.Snapshot()
	s.Apps = nil
	for i := range 50 {
		a := control.App{Name: "app" + string(rune('a'+i%26)) + string(rune('a'+i/26))}
		for slot := range 10 {
			a.Workers = append(a.Workers, controltest.Worker(a.Name, slot, 1000+10*i+slot, control.Running))
		}
		s.Apps = append(s.Apps, a)
	}
	fake.Set(&s)
	dir := b.TempDir()
	socket, err := control.Listen(control.Listening{Name: "bench", ReadGroup: -1, Getenv: func(k string) string {
		if k == "GOINIT_SOCKET_DIRECTORY" {
			return dir
		}
		return ""
	}})
	if err != nil {
		b.Fatal(err)
	}
	srv := control.Serve(fake, socket, control.DefaultLimits(), func(s string) { b.Log(s) })
	defer srv.Close()
	c, err := control.Dial(socket.Path)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	for b.Loop() {
		var r control.PsReply
		if err := c.Call(context.Background(), "Ps", nil, &r); err != nil || len(r.Workers) != 500 {
			b.Fatal(len(r.Workers), err)
		}
	}
}
