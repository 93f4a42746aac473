package pid1

import (
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// letRuntimeSettle lets what the runtime starts at its own start run until it parks: the sweeper, the scavenger, the
// collector's helper, the finalizers. Left runnable, one of them would want a thread of its own as soon as the main thread
// is in the kernel; and where the container's pid limit is full, the runtime's next new thread is a fatal error.
func letRuntimeSettle() {
	for range 4 {
		runtime.Gosched()
	}
}

// warmThreads makes the runtime have n idle threads. It never ends one, so they are there for as long as we are.
func warmThreads(n int) {
	var gate [2]int
	if unix.Pipe2(gate[:], unix.O_CLOEXEC) != nil {
		return
	}
	var waiting atomic.Int32
	done := make(chan struct{})
	for range n {
		go func() {
			waiting.Add(1)
			unix.Read(gate[0], make([]byte, 1)) // holds a thread until the pipe is closed
			done <- struct{}{}
		}()
	}
	for int(waiting.Load()) < n { // each of them has taken a thread from us by now, but perhaps the last
		runtime.Gosched()
	}
	unix.Close(gate[1])
	for range n {
		<-done
	}
	unix.Close(gate[0])
}
