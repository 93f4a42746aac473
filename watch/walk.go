package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// mask: a file has changed when whoever wrote it closes it, so that what takes long to write is told of once.
const mask = unix.IN_CREATE | unix.IN_CLOSE_WRITE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO |
	unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR

const (
	maxLinks  = 40  // MAXSYMLINKS of the kernel
	readBatch = 128 // entries of a folder at a time: it may hold a million
)

// locked reads folders when it is our turn.
func (w *Watcher) locked(f func()) {
	w.plan.Turns.Lock()
	defer w.plan.Turns.Unlock()
	f()
}

// walkAll watches what is to be watched, and nothing else any more. The kernel gives a folder that it has already the same
// descriptor again.
func (w *Watcher) walkAll() {
	old := maps.Clone(w.dirs)
	clear(w.dirs)
	clear(w.exact)
	for _, p := range w.patterns {
		w.place(p.base)
		if info, err := os.Stat(p.base); err == nil && info.IsDir() {
			w.walk(p.base, false)
		}
	}
	for one := range w.files {
		w.place(one)
	}
	for wd := range old {
		if _, still := w.dirs[wd]; !still {
			w.remove(wd)
		}
	}
}

// place watches for what is at a path itself. A file is seen by its folder. What is not there is waited for by the last folder that
// is, and each symbolic link on the way by the folder that it is in.
func (w *Watcher) place(full string) {
	at, links := "/", 0
	names := split(full)
	for i := 0; i < len(names); i++ {
		next := filepath.Join(at, names[i])
		info, err := os.Lstat(next)
		switch {
		case err != nil: // not there, or not for us
			w.exact[next] = true
			w.add(at)
			return
		case info.Mode()&fs.ModeSymlink != 0:
			w.exact[next] = true
			w.add(at)
			to, err := os.Readlink(next)
			if links++; err != nil || links > maxLinks {
				return
			}
			if !filepath.IsAbs(to) {
				to = filepath.Join(at, to)
			}
			names, i, at = append(split(to), names[i+1:]...), -1, "/"
		case !info.IsDir():
			w.exact[next] = w.exact[next] || i < len(names)-1 // in the way of the rest
			w.add(at)
			return
		default:
			at = next
		}
	}
}

// walk watches a folder and those in it. With found, the files in them are news: nobody has seen them come.
func (w *Watcher) walk(dir string, found bool) {
	if !w.add(dir) {
		return
	}
	f, err := os.Open(dir)
	if err != nil {
		return // gone meanwhile, or not to be read: add has told
	}
	defer f.Close()
	var folders []string
	for {
		entries, err := f.ReadDir(readBatch)
		for _, e := range entries {
			full := filepath.Join(dir, e.Name())
			counts, below := w.interest(full, e.IsDir())
			switch {
			case e.IsDir() && below:
				folders = append(folders, full)
			case !e.IsDir() && counts && found:
				w.touch(full)
			}
		}
		if err != nil || len(entries) == 0 {
			break
		}
	}
	f.Close() // not one descriptor a level
	for _, folder := range folders {
		w.walk(folder, found)
	}
}

// interest reports whether what is at a path counts, and whether a folder there is to be watched.
func (w *Watcher) interest(full string, folder bool) (counts, below bool) {
	for _, p := range w.patterns {
		c, b := p.match(full)
		if (c || b) && w.hidden(p.base, full, folder) {
			continue
		}
		counts, below = counts || c, below || b
	}
	_, exact := w.exact[full]
	return counts || exact, below
}

// add watches one folder; false: it cannot be.
func (w *Watcher) add(dir string) bool {
	if len(w.dirs) >= maxDirectories {
		w.fail("directories", fmt.Errorf("not all of %s is watched: it has more than %d folders\n  watch less: watch: {paths: […], ignore: […]}", w.plan.Dir, maxDirectories))
		return false
	}
	var wd int
	var err error
	if closed := w.conn.Control(func(fd uintptr) { wd, err = unix.InotifyAddWatch(int(fd), dir, mask) }); closed != nil {
		return false
	}
	switch {
	case err == nil:
		if _, known := w.dirs[int32(wd)]; !known { // by another path: the first one's names count
			w.dirs[int32(wd)] = dir
		}
		return true
	case errors.Is(err, unix.ENOSPC):
		w.fail("limit", w.limitFailure())
	case errors.Is(err, unix.EACCES):
		w.fail("permission", fmt.Errorf("%s is not watched: permission denied\n  let goinit's user read it, or leave it out: watch: {ignore: […]}", dir))
	}
	return false // else it has gone meanwhile
}

// forget ends the watches of a folder that has gone elsewhere, and of those below: they follow it there.
func (w *Watcher) forget(dir string) {
	for wd, path := range w.dirs {
		if _, ok := under(path, dir); ok {
			delete(w.dirs, wd)
			w.remove(wd)
		}
	}
}

func (w *Watcher) remove(wd int32) {
	_ = w.conn.Control(func(fd uintptr) { _, _ = unix.InotifyRmWatch(int(fd), uint32(wd)) })
}

// newest is the file that has changed last, if that was since then: at the start it is one that nobody was told of, and who
// rescans would like to say what for.
func (w *Watcher) newest(since time.Time) (path string) {
	for _, dir := range w.dirs {
		f, err := os.Open(dir)
		if err != nil {
			continue
		}
		for {
			entries, err := f.ReadDir(readBatch)
			for _, e := range entries {
				full := filepath.Join(dir, e.Name())
				if counts, _ := w.interest(full, e.IsDir()); !counts || e.IsDir() {
					continue
				}
				if at, ok := changed(full, since); ok {
					path, since = full, at
				}
			}
			if err != nil || len(entries) == 0 {
				break
			}
		}
		f.Close()
	}
	return path
}

// relative is a path as people want to read it.
func (w *Watcher) relative(full string) string {
	if inside, ok := under(full, w.plan.Dir); ok && inside != "" {
		return inside
	}
	return full
}
