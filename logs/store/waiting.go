package store

import (
	"bufio"
	"context"
	"slices"

	"goinit/logs/segment"

	"golang.org/x/sys/unix"
)

// Waiting is what cannot be written now, a memory file of a segment for each app that has any; none while all is well. What of a
// line is written already is in the last segment, the rest of it here.
func (s *Store) Waiting(ctx context.Context) ([]File, error) { return s.opened(ctx, s.waiting) }

// waiting is called with the pen, so that nobody writes, and keeps the taker away.
func (s *Store) waiting() (files []File, err error) {
	s.catchUp()
	s.taken.mu.Lock()
	defer s.taken.mu.Unlock()
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	if !s.queue.broken {
		return nil, nil
	}
	batches := slices.Clone(s.queue.full)
	if b := s.taken.batch; b != nil {
		batches = append(batches, b)
	}
	var apps []*App
	for _, b := range batches {
		for _, c := range b.chains[b.at:] {
			if c.first >= 0 && !slices.Contains(apps, c.app) {
				apps = append(apps, c.app)
			}
		}
	}
	for _, a := range apps {
		f, err := waitingOf(a, batches)
		if err != nil {
			CloseFiles(files)
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// waitingOf copies an app's lines out of batches.
func waitingOf(a *App, batches []*Batch) (f File, err error) {
	f = File{App: a.name, Number: 1, Data: -1, Index: -1}
	if f.Data, err = unix.MemfdCreate(a.name, unix.MFD_CLOEXEC); err != nil {
		return f, err
	}
	if f.Index, err = unix.MemfdCreate(a.name, unix.MFD_CLOEXEC); err != nil {
		unix.Close(f.Data)
		return f, err
	}
	text, index := bufio.NewWriterSize(&writerAt{fd: f.Data}, 64<<10), bufio.NewWriter(&writerAt{fd: f.Index})
	end, last := int64(0), int64(0)
	put := func(e entry) {
		n, _ := text.Write(e.text)
		if e.newline {
			text.WriteByte('\n')
			n++
		}
		end, last = end+int64(n), max(last, e.record.Time)
		e.record.End, e.record.Time = end, last
		index.Write(e.record.Append(nil))
	}
	for _, b := range batches {
		for _, c := range b.chains[b.at:] {
			for i := c.first; i >= 0 && c.app == a; i = b.entries[i].next {
				e := b.entries[i]
				if note := a.lossNote(e.dropped, e.limited); note != "" {
					put(entry{text: []byte(note + "\n"), record: segment.Record{Time: e.record.Time, Slot: segment.UnknownSlot, Note: true}})
				}
				put(e)
			}
		}
	}
	for _, w := range []*bufio.Writer{text, index} {
		if err == nil {
			err = w.Flush()
		}
	}
	if err != nil {
		closeBoth(f.Data, f.Index)
	}
	return f, err
}

// writerAt writes one behind the other to a file that nobody else writes.
type writerAt struct {
	fd int
	at int64
}

func (w *writerAt) Write(b []byte) (int, error) {
	n, err := writeFile(w.fd, b, w.at)
	w.at += int64(n)
	return n, err
}

// held is how long the taker's batch is.
func (t *taken) held() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.batch == nil {
		return 0
	}
	return t.batch.used
}
