package supervise

import (
	"errors"
	"sync"
)

// frost carries out the machine's Freezes and Thaws of one process, in their order and off its owner's goroutine: a
// Freeze may take seconds. The invariant: whoever was thawed last stays thawed, however late a Freeze comes to its end.
type frost struct {
	process Process
	guard   func(func())

	mu     sync.Mutex
	wanted bool
	epoch  int  // of the Freeze that was wanted last
	busy   bool // run runs
}

// errFrost is what there is to say of a Freeze that has panicked.
var errFrost = errors.New("a mistake of goinit's own")

// freeze answers, with its epoch, unless a thaw comes first.
func (f *frost) freeze(epoch int, answer func(epoch int, err error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wanted, f.epoch = true, epoch
	if !f.busy {
		f.busy = true
		go f.run(answer)
	}
}

// thaw does not wait for a Freeze that is under way: that ends early, and what it froze all the same is thawed after it.
func (f *frost) thaw() {
	f.mu.Lock()
	f.wanted = false
	f.mu.Unlock()
	_ = f.process.Thaw()
}

func (f *frost) run(answer func(epoch int, err error)) {
	for {
		epoch, wanted := f.next()
		if !wanted {
			return
		}
		err := errFrost
		f.guard(func() { err = f.process.Freeze() })
		if f.settled(epoch) {
			answer(epoch, err)
			return
		}
		f.guard(func() { _ = f.process.Thaw() })
	}
}

// next is the Freeze that is wanted, if one is.
func (f *frost) next() (epoch int, wanted bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy = f.wanted
	return f.epoch, f.wanted
}

// settled reports whether the Freeze that has ended is still what is wanted; then it was the last one.
func (f *frost) settled(epoch int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wanted && f.epoch == epoch {
		f.busy = false
		return true
	}
	return false
}
