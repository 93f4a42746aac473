package pid1

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// prepareToSleep lets the runtime finish what it does at its start, so that nothing of it is left to run while the main
// thread waits in the kernel: it would want a thread for that, and where the container's pid limit is full the
// runtime's next new thread is a fatal error.
//
// A mode that allocates as it goes (it writes messages) will collect garbage one day, and needs a second thread then:
// it is made now.
func prepareToSleep(allocates bool) {
	for range 4 { // the sweeper, the scavenger, the collector's helper, the finalizer: each parks when it has run
		runtime.Gosched()
	}
	if allocates {
		warmThreads(1)
	}
}

// warmThreads makes the runtime have n idle threads. It never ends one, so they are there for as long as we are.
func warmThreads(n int) {
	var gate [2]int
	if unix.Pipe2(gate[:], unix.O_CLOEXEC) != nil {
		return
	}
	done := make(chan struct{})
	for range n {
		go func() {
			unix.Read(gate[0], make([]byte, 1)) // holds a thread until the pipe is closed
			done <- struct{}{}
		}()
	}
	runtime.Gosched()
	unix.Close(gate[1])
	for range n {
		<-done
	}
	unix.Close(gate[0])
}
