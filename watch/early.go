package watch

import (
	"time"

	"golang.org/x/sys/unix"
)

// A program may have read a file before its folder was watched: at the first start, and whenever Node tells of a file after it has
// loaded it. Whether the file is another one since is what the file system says: its time of change, which no program sets.

// lateness is how long after it has loaded a file a program may tell of it, on a busy machine. What changed before that was
// there when it was loaded.
const lateness = 2 * time.Second

// changed is when a file was changed last, if that was after since. A file system's clock may go by ticks of some milliseconds
// (CLOCK_REALTIME_COARSE): what changes within the tick of since is not seen, rather than what was there before taken for a
// change. Times to come are those of a clock that was wrong.
func changed(full string, since time.Time) (at time.Time, ok bool) {
	var st unix.Stat_t
	if unix.Lstat(full, &st) != nil {
		return at, false
	}
	at = time.Unix(st.Ctim.Unix())
	return at, at.After(since) && !at.After(time.Now())
}

// early notes a file that has changed between its loading and now.
func (w *Watcher) early(full string, started time.Time) {
	if started.IsZero() {
		return
	}
	if latest := time.Now().Add(-lateness); started.Before(latest) {
		started = latest
	}
	if _, ok := changed(full, started); ok {
		w.touch(full)
	}
}
