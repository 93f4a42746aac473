package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"goinit/logs/segment"

	"golang.org/x/sys/unix"
)

// settle finds the place: the first directory that can be written to, or memory.
func (s *Store) settle() {
	defer func() {
		if s.place == nil { // a panic on the way
			s.place = &memory{files: map[memoryName][2]int{}}
		}
	}()
	for _, dir := range s.options.Directories {
		d, err := openDisk(dir)
		if err == nil {
			s.place = d
			s.disk.Store(d)
			s.adopt(d)
			return
		}
		if s.why == "" {
			s.why = fmt.Sprintf("cannot keep logs in %s: %v", dir, err)
		}
	}
	s.place = &memory{files: map[memoryName][2]int{}}
	if s.why != "" {
		level := Info
		if s.options.Named {
			level = Warning
		}
		s.options.Tell(level, fmt.Sprintf("%s; the last %d MiB are kept in memory\n  to keep them: mount a volume there, or set log_store.directory", s.why, s.maxTotal()>>20))
	}
}

// maxTotal is how large all files may be.
func (s *Store) maxTotal() int64 {
	if _, is := s.place.(*memory); is {
		return min(s.options.MaxTotal, memoryTotal)
	}
	return s.options.MaxTotal
}

// farFuture is a time that no clock that was set right has told: it is not waited for.
const farFuture = 24 * time.Hour

// adopt takes note of what an earlier goinit has left, and repairs what it could not finish.
func (s *Store) adopt(d *disk) {
	apps, err := os.ReadDir(d.dir)
	if err != nil {
		return
	}
	for _, e := range apps {
		if !e.IsDir() || !segment.ValidApp(e.Name()) {
			continue
		}
		if err := s.adoptApp(d, e.Name()); err != nil {
			s.options.Tell(Warning, fmt.Sprintf("cannot read the log of %s that an earlier goinit has left: %v; it is left alone\n  remove %s/%s if nobody wants it", e.Name(), err, d.dir, e.Name()))
		}
	}
	s.shrink()
}

func (s *Store) adoptApp(d *disk, app string) error {
	fd, err := d.open(app)
	if err != nil {
		return err
	}
	dir := os.NewFile(uintptr(fd), filepath.Join(d.dir, app))
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return bare(err)
	}
	names := make([]string, 0, len(entries))
	a := &appLog{store: s, app: app, next: 1}
	for _, e := range entries {
		if number, _, ok := segment.ParseName(e.Name()); ok {
			a.next = max(a.next, number+1)
		}
		switch {
		case !e.Type().IsRegular(): // nothing of ours
		case strings.HasSuffix(e.Name(), segment.Compressed.String()+".tmp"): // of a compression that was interrupted
			unix.Unlinkat(fd, e.Name(), 0)
		default:
			names = append(names, e.Name())
		}
	}
	all := segment.List(names)
	for i, g := range all {
		if i == len(all)-1 && g.Log {
			if err := repair(fd, g.Number, a.last); err != nil {
				return err
			}
		}
		s.adoptSegment(a, fd, g)
	}
	s.logs[app] = a
	s.age(a)
	return nil
}

// adoptSegment takes note of a segment in the app's directory.
func (s *Store) adoptSegment(a *appLog, dir int, g segment.Segment) {
	if g.Compressed && g.Log {
		unix.Unlinkat(dir, segment.Name(g.Number, segment.Compressed), 0)
	}
	c := closed{number: g.Number, compressed: !g.Log}
	kinds := []segment.Kind{segment.Log, segment.Index}
	if c.compressed {
		kinds[0] = segment.Compressed
	}
	for _, k := range kinds {
		var st unix.Stat_t
		if unix.Fstatat(dir, segment.Name(g.Number, k), &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
			c.bytes += st.Size
			c.last = max(c.last, st.Mtim.Nano())
		}
	}
	a.closed = append(a.closed, c)
	if last := lastRecord(dir, g.Number); last < time.Now().Add(farFuture).UnixNano() {
		a.last = max(a.last, last)
	}
	s.total += c.bytes
}

// repair makes the segment whole that was open when another goinit ended.
func repair(dir, number int, after int64) error {
	data, err := ours(dir, number, segment.Log, unix.O_RDWR)
	if err != nil {
		return err
	}
	defer data.Close()
	index, err := ours(dir, number, segment.Index, unix.O_RDWR|unix.O_CREAT)
	if err != nil {
		return err
	}
	defer index.Close()
	_, err = segment.Repair(data, index, after)
	return err
}

// ours opens a file of a segment that was there before us. A regular file that has another name as well may be anybody's.
func ours(dir, number int, k segment.Kind, flags int) (*os.File, error) {
	name := segment.Name(number, k)
	fd, err := file(dir, number, k, flags)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && (st.Mode&unix.S_IFMT != unix.S_IFREG || st.Nlink != 1) {
		err = fmt.Errorf("%s is no file of its own", name)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	_ = unix.SetNonblock(fd, false) // else the runtime would try to watch it, with descriptors of its own
	return os.NewFile(uintptr(fd), name), nil
}

// lastRecord is the time of the last record of an index; 0: there is none.
func lastRecord(dir, number int) int64 {
	f, err := ours(dir, number, segment.Index, unix.O_RDONLY)
	if err != nil {
		return 0
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || st.Size() < segment.RecordSize {
		return 0
	}
	b := make([]byte, segment.RecordSize)
	if _, err := f.ReadAt(b, (st.Size()/segment.RecordSize-1)*segment.RecordSize); err != nil {
		return 0
	}
	return segment.Good(b, -1).Last()
}
