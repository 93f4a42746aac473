package pid1

import "runtime"

// letRuntimeSettle lets what the runtime starts at its own start run until it parks: the sweeper, the scavenger, the
// collector's helper, the finalizers. Left runnable, one of them would want a thread of its own as soon as the main thread
// is in the kernel; and where the container's pid limit is full, the runtime's next new thread is a fatal error.
func letRuntimeSettle() {
	for range 4 {
		runtime.Gosched()
	}
}

// warmThreads makes the runtime have n idle threads. It never ends one, so they are there for as long as we are. A goroutine
// that is locked to its thread takes that along when it waits, and the runtime starts another for those who do not at once;
// of a thread that is held by a system call it would take notice when it next looks.
func warmThreads(n int) {
	gate, done := make(chan struct{}), make(chan struct{})
	for range n {
		go func() {
			runtime.LockOSThread()
			done <- struct{}{}
			<-gate
			runtime.UnlockOSThread()
			done <- struct{}{}
		}()
	}
	for range n {
		<-done
	}
	close(gate)
	for range n {
		<-done
	}
}
