package query

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"goinit/logs/segment"
)

// Handed are segments of which there are descriptors only: a goinit hands them over that keeps its logs in memory, or in a
// directory that is not for this user. More may be added while they are followed.
type Handed struct {
	mu   sync.Mutex
	apps map[string]map[int]handed
}

type handed struct {
	compressed bool
	log, idx   int
}

// NewHanded makes a store of segments that are handed over. path is what to call it in messages, and its own.
func NewHanded(name, path string) (*Store, *Handed) {
	h := &Handed{apps: make(map[string]map[int]handed)}
	return &Store{Name: name, Path: path, handed: h}, h
}

// Add takes a segment, and its descriptors.
func (h *Handed) Add(app string, number int, compressed bool, log, idx int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.apps[app] == nil {
		h.apps[app] = make(map[int]handed)
	}
	if old, known := h.apps[app][number]; known {
		old.close()
	}
	h.apps[app][number] = handed{compressed, log, idx}
}

// forget closes an app's segments before number: who follows for days must not collect them.
func (h *Handed) forget(app string, number int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for n, s := range h.apps[app] {
		if n < number {
			s.close()
			delete(h.apps[app], n)
		}
	}
}

// Close closes all of them.
func (h *Handed) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, segments := range h.apps {
		for _, s := range segments {
			s.close()
		}
	}
	clear(h.apps)
}

func (s handed) close() {
	unix.Close(s.log)
	unix.Close(s.idx)
}

func (h *Handed) names() (names []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name := range h.apps {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (h *Handed) list(app string) (all []segment.Segment) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for number, s := range h.apps[app] {
		all = append(all, segment.Segment{Number: number, Log: !s.compressed, Index: true, Compressed: s.compressed})
	}
	slices.SortFunc(all, func(a, b segment.Segment) int { return a.Number - b.Number })
	return all
}

// open opens a file anew: its offset is nobody else's business, for it is read at offsets.
func (h *Handed) open(app string, number int, k segment.Kind) (*os.File, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.apps[app][number]
	if !ok || k != segment.Index && s.compressed != (k == segment.Compressed) {
		return nil, fs.ErrNotExist
	}
	fd := s.log
	if k == segment.Index {
		fd = s.idx
	}
	fd, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), fmt.Sprintf("%s of %s", segment.Name(number, k), app)), nil
}
