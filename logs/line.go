package logs

import (
	"strconv"
	"time"
)

// Stream is which of its two outputs a worker wrote to.
type Stream uint8

const (
	Stdout Stream = iota
	Stderr
)

func (s Stream) String() string { return [...]string{"stdout", "stderr"}[s] }

// Line is what a worker wrote, up to a newline.
type Line struct {
	At         time.Time // when it was read; lines of one read share it
	App        string
	Slot       int
	Worker     string // web/0
	Generation int
	Stream     Stream
	Line       []byte // as it was written, without its newline; not to be changed
	Partial    bool   // the line is longer than 64 KiB and goes on in the next of this stream
	Missed     uint64 // so many lines of this app before this one are kept no longer, and the reader has not seen them
}

// workerName is the name of the process in a slot.
func workerName(app string, slot int) string { return app + "/" + strconv.Itoa(slot) }
