package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"goinit/logs/segment"
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
	dir := filepath.Join(d.dir, app)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return bare(err)
	}
	names := make([]string, 0, len(entries))
	next := 1
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), segment.Compressed.String()+".tmp") { // of a compression that was interrupted
			os.Remove(filepath.Join(dir, e.Name()))
			continue
		}
		names = append(names, e.Name())
		if number, _, ok := segment.ParseName(e.Name()); ok {
			next = max(next, number+1)
		}
	}
	a := &appLog{store: s, app: app, next: next}
	all := segment.List(names)
	for i, g := range all {
		if i == len(all)-1 && g.Log {
			if err := repair(d, app, g.Number, a.last); err != nil {
				return err
			}
		}
		if g.Compressed && g.Log {
			os.Remove(d.path(app, g.Number, segment.Compressed))
		}
		c := closed{number: g.Number, compressed: !g.Log}
		kinds := []segment.Kind{segment.Log, segment.Index}
		if c.compressed {
			kinds[0] = segment.Compressed
		}
		for _, k := range kinds {
			if st, err := os.Stat(d.path(app, g.Number, k)); err == nil {
				c.bytes += st.Size()
				c.last = max(c.last, st.ModTime().UnixNano())
			}
		}
		a.closed = append(a.closed, c)
		if last := lastRecord(d.path(app, g.Number, segment.Index)); last < time.Now().Add(farFuture).UnixNano() {
			a.last = max(a.last, last)
		}
		s.total += c.bytes
	}
	s.logs[app] = a
	s.age(a)
	return nil
}

// repair makes the segment whole that was open when another goinit ended.
func repair(d *disk, app string, number int, after int64) error {
	data, err := os.OpenFile(d.path(app, number, segment.Log), os.O_RDWR, 0)
	if err != nil {
		return bare(err)
	}
	defer data.Close()
	index, err := os.OpenFile(d.path(app, number, segment.Index), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return bare(err)
	}
	defer index.Close()
	_, err = segment.Repair(data, index, after)
	return err
}

// lastRecord is the time of the last record of an index; 0: there is none.
func lastRecord(path string) int64 {
	f, err := os.Open(path)
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
