package control_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"goinit/control"
	"goinit/control/controltest"
)

// FuzzServer sends any bytes, and wants an answer to the next client's question.
// Coverage differs from run to run, since a server has goroutines: run it with -fuzzminimizetime=1x, or most of the time
// goes into making inputs smaller.
func FuzzServer(f *testing.F) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 200 {
		f.Add(hostile(r))
	}
	fake := controltest.New()
	fake.Hook = func(context.Context, control.Command) (control.Result, error) { return control.Result{}, nil }
	dir := f.TempDir()
	socket, err := control.Listen(control.Listening{Name: "fuzz", ReadGroup: -1, Getenv: func(k string) string {
		if k == "GOINIT_SOCKET_DIRECTORY" {
			return dir
		}
		return ""
	}})
	if err != nil {
		f.Fatal(err)
	}
	limits := control.DefaultLimits()
	limits.RequestTimeout, limits.HalfClosed = 20*time.Millisecond, 20*time.Millisecond
	panicked := make(chan string, 1)
	srv := control.Serve(fake, socket, limits, func(s string) {
		select {
		case panicked <- s:
		default:
		}
	})
	f.Cleanup(srv.Close)
	f.Fuzz(func(t *testing.T, b []byte) {
		fake.Lock()
		fake.Commands = fake.Commands[:0]
		fake.Unlock()
		c := control.RawConn(t, socket.Path)
		go func() { _, _ = c.Write(b) }()
		answers(t, socket.Path)
		select {
		case s := <-panicked:
			t.Fatal(s)
		default:
		}
	})
}
