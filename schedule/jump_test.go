package schedule

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The clock is everybody's, so it is set in the virtual machine only.
func TestClockIsSet(t *testing.T) {
	if os.Getenv("GOINIT_INSIDE_VM") == "" {
		t.Skip("TestVM runs it, in the machine, whose clock is nobody else's")
	}
	c, err := OpenClock()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, by := range []time.Duration{36 * time.Hour, -36 * time.Hour} {
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_REALTIME, &now); err != nil {
			t.Fatal(err)
		}
		now.Sec += int64(by / time.Second)
		if err := unix.ClockSettime(unix.CLOCK_REALTIME, &now); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err != nil { // nothing else ends it
			t.Fatalf("set by %v: %v", by, err)
		}
	}
}
