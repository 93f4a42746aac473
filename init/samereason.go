package pid1

import (
	"fmt"

	"goinit/supervise"
)

// sameReason is why an app's workers could not be started, last. The whole of it is said once, and once more with the news
// of a crash loop, however many workers have it.
type sameReason struct {
	text   string
	times  map[string]int // by worker
	told   bool           // whole
	looped bool           // told with a crash loop
}

// failedStart counts a failed start, and says of it what there is to say: all, or that it is as before. One of a loop is only
// counted: it is not said here.
func (n *narrator) failedStart(e supervise.Event, exit *supervise.LastExit) string {
	if exit == nil || exit.Error == "" {
		return ended(exit)
	}
	r := n.reasons[e.App]
	if r == nil || r.text != exit.Error {
		r = &sameReason{text: exit.Error, times: map[string]int{}}
		n.reasons[e.App] = r
	}
	r.times[e.Worker]++
	switch times := r.times[e.Worker]; {
	case looping(e):
		return ""
	case !r.told:
		r.told = true
		return ended(exit)
	case times == 1: // another worker of the app had it
		return forTheSameReason
	default:
		return fmt.Sprintf("%s, %d times now", forTheSameReason, times)
	}
}

const forTheSameReason = "could not be started for the same reason"

// endedInLoop is how a worker ended that is told to do so again and again: whole for the first of an app's workers, for what
// was said before it is far above by now.
func (n *narrator) endedInLoop(e supervise.Event, exit *supervise.LastExit) string {
	r := n.reasons[e.App]
	if exit == nil || exit.Error == "" || r == nil || r.text != exit.Error {
		return ended(exit)
	}
	if r.looped {
		return forTheSameReason
	}
	r.told, r.looped = true, true
	return ended(exit)
}
