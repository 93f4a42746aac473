package query

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"runtime/debug"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"goinit/logs/segment"
)

// data is a segment that can be looked at: its log in memory, as mapped or as unpacked, and its records.
type data struct {
	number  int
	log     []byte
	records segment.Records
	rest    segment.Range // what has no record
	torn    bool          // there is a rest
	unmap   []byte
	missing error // why this is not all
}

// ranges is how many there are, the rest included.
func (d *data) ranges() int {
	if d.torn {
		return d.records.Len() + 1
	}
	return d.records.Len()
}

func (d *data) rangeAt(i int) segment.Range {
	if i < d.records.Len() {
		return d.records.At(i)
	}
	return d.rest
}

// between is the part of the log that is of two times and what is between them.
func (d *data) between(since, until int64) (begin, end int64) {
	begin = d.start(d.firstSince(since))
	end = int64(len(d.log))
	if until < math.MaxInt64 {
		end = d.start(d.firstSince(until + 1))
	}
	return begin, max(begin, end)
}

func (d *data) firstSince(time int64) int {
	i := d.records.Since(time)
	if i == d.records.Len() && d.torn && d.rest.Time < time {
		i++
	}
	return i
}

// start is where range i begins; the end of all if there is none.
func (d *data) start(i int) int64 {
	if i < d.ranges() {
		return min(d.rangeAt(i).Start, int64(len(d.log)))
	}
	return int64(len(d.log))
}

// open opens a segment, as far as the app's limit goes.
func (a *app) open(s segment.Segment) (*data, error) {
	if a.data != nil {
		return a.data, nil
	}
	idx, err := a.file(s.Number, segment.Index)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if idx != nil {
		defer idx.Close()
	}
	d := &data{number: s.Number}
	log, err := a.file(s.Number, segment.Log)
	switch {
	case err == nil:
		defer log.Close()
		err = d.load(log, idx)
	case errors.Is(err, fs.ErrNotExist): // compressed, or gone, since it was listed
		if log, err = a.file(s.Number, segment.Compressed); err == nil {
			defer log.Close()
			err = d.unpack(log, idx)
		}
	}
	if err != nil {
		d.close()
		return nil, err
	}
	if a.waits && d.torn && d.records.Len() > 0 {
		d.rest.Time = d.records.Last()
	}
	if a.limit.number == s.Number {
		d.cut(a.limit.offset)
	}
	return d, nil
}

// load maps a log. Its index is read first: what is appended between the two looks has no record yet.
func (d *data) load(log, idx *os.File) error {
	b, err := readIndex(idx, log)
	if err != nil {
		return err
	}
	st, err := log.Stat()
	if err != nil {
		return err
	}
	size := min(st.Size(), segment.MaxEnd)
	if size > 0 {
		if d.unmap, err = unix.Mmap(int(log.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED); err != nil {
			return fmt.Errorf("cannot map %s: %w", log.Name(), err)
		}
	}
	d.log = d.unmap
	d.index(segment.Good(b, size), st.ModTime().UnixNano())
	return nil
}

func (d *data) index(records segment.Records, changed int64) {
	d.records = records
	d.rest, d.torn = records.Rest(int64(len(d.log)), changed)
}

// mostIndex is how much of an index is read, in bytes: 64 million records. What is behind them counts as without a record.
const mostIndex = 1 << 30

// readIndex reads an index as far as it may be good: a record covers a byte at least.
func readIndex(idx, log *os.File) ([]byte, error) {
	if idx == nil {
		return nil, nil
	}
	data, err := log.Stat()
	if err != nil {
		return nil, err
	}
	st, err := idx.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(st.Size(), data.Size()*segment.RecordSize, mostIndex))
	n, err := idx.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b[:n], nil
}

// What a compressed segment may become in memory, in bytes: as much as its index says, and this much anyway; but never
// more than the most.
const (
	unpackedAnyway = 256 << 20
	unpackedMost   = 4 << 30
)

// unpack reads a compressed log. What is damaged is read as far as it goes; d.missing tells.
func (d *data) unpack(log, idx *os.File) error {
	st, err := log.Stat()
	if err != nil {
		return err
	}
	var b []byte
	if idx != nil {
		if b, err = io.ReadAll(io.NewSectionReader(idx, 0, mostIndex)); err != nil {
			return err
		}
	}
	z, err := zstd.NewReader(io.NewSectionReader(log, 0, math.MaxInt64), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
	if err != nil {
		return err
	}
	defer z.Close()
	tells := segment.Good(b, -1).End()
	limit := max(unpackedAnyway, min(tells, unpackedMost))
	// An index may lie about a length: only what arrives is paid for.
	buf := bytes.NewBuffer(make([]byte, 0, min(tells, 8<<20)+bytes.MinRead))
	_, err = buf.ReadFrom(io.LimitReader(z, limit+1))
	d.log = buf.Bytes()
	switch {
	case err != nil:
		d.missing = fmt.Errorf("cannot unpack all of %s: %w", log.Name(), err)
	case int64(len(d.log)) > limit:
		d.log = d.log[:limit]
		d.missing = fmt.Errorf("%s unpacks to more than %d MiB: the rest is left out", log.Name(), limit>>20)
	}
	d.index(segment.Good(b, int64(len(d.log))), st.ModTime().UnixNano())
	return nil
}

// cut leaves out what is behind an offset.
func (d *data) cut(offset int64) {
	if offset >= int64(len(d.log)) {
		return
	}
	d.log = d.log[:offset]
	if d.torn && d.rest.Start >= offset {
		d.torn = false
	}
	d.rest.End = min(d.rest.End, offset)
}

func (d *data) close() {
	if d.unmap != nil {
		_ = unix.Munmap(d.unmap)
		d.unmap, d.log = nil, nil
	}
}

// Guarded calls f. A file that is cut off while it is mapped makes a fault (mmap(2), SIGBUS) of reading it; here that
// becomes an error. It is for who reads Texts that stay valid; the others are read under it anyway.
func Guarded(f func()) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case interface {
			error
			Addr() uintptr
		}:
			err = errors.New("a segment got shorter while it was read")
		default:
			panic(r)
		}
	}()
	f()
	return nil
}
