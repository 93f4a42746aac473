package pid1_test

import (
	"bufio"
	"os"
	"testing"
	"time"
	"unsafe"
)

func addressOf[T any](p *T) unsafe.Pointer { return unsafe.Pointer(p) }

// lineReader returns a function that reads the next line, and fails the test if none comes.
func lineReader(f *os.File) func(t *testing.T) string {
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(f); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return func(t *testing.T) string {
		t.Helper()
		select {
		case l := <-lines:
			return l
		case <-time.After(20 * time.Second):
			t.Fatal("no line came")
			return ""
		}
	}
}
