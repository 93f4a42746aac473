package logs

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"goinit/logs/store"
)

// BenchmarkStore is bytes through a pipe and the loop to a file. Compare with -bench Cat.
func BenchmarkStore(b *testing.B) {
	s := store.New(store.Options{Directories: []string{b.TempDir()}})
	s.Start()
	c, err := New(Options{Stdout: 2, Stderr: 2, Store: s})
	if err != nil {
		b.Fatal(err)
	}
	o, err := c.Open(Worker{App: "web", Console: Off})
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(os.Getenv("GEN"), "100", "600000000", "4096")
	cmd.Stdout = os.NewFile(uintptr(o.Stdout()), "w")
	b.ResetTimer()
	cmd.Run()
	o.Drain(time.Now().Add(time.Minute))
	c.Close(time.Now().Add(time.Minute))
	s.Close(time.Now().Add(time.Minute))
}
