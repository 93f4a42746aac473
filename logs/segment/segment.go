// Package segment is the format in which logs are kept: what PID 1 writes and goinitctl reads. Both sides use it, so the
// format is written down once, here.
//
// An app has a directory of segments, numbered from 1. A segment is two files:
//
//	00000001.log      whole lines, the bytes as the workers wrote them
//	00000001.idx      when and by whom: a Record of 16 bytes for each range of the .log that was read at one time
//
// The highest number is open, the others are closed and never change, but that a closed .log may become a .log.zst. So
// tail, grep and less work on a .log, and a question about a time is a binary search in an .idx.
//
// The invariant: data is written before its record. A crash therefore loses records, never data: what lies behind the
// last good record is data without a record, of an unknown worker, and Repair makes the last line of it whole.
//
// The package reads and writes nothing but this format, needs nothing but the standard library, and believes no byte of a
// file: whatever is in one, its functions return, and the ranges that they return lie within it.
package segment

import (
	"strconv"
	"strings"
)

// UnknownSlot is the slot of data without a record: the app's, but nobody knows which worker's.
const UnknownSlot = 0xFFFF

// MaxLine is how long a line may be, in bytes without its newline. A longer one is in pieces, flagged Partial.
const MaxLine = 64 << 10

// MaxApp is how long an app's name may be, and so a directory's in a store.
const MaxApp = 63

// LockName is the file in a store's directory that is locked (flock(2)) by the goinit that writes there.
const LockName = ".lock"

// Kind is what a file in an app's directory is.
type Kind int

const (
	Log        Kind = iota // the data
	Index                  // its records
	Compressed             // the data, in zstd's frames
)

var suffixes = [...]string{Log: ".log", Index: ".idx", Compressed: ".log.zst"}

func (k Kind) String() string { return suffixes[k] }

// MaxNumber is the highest number that a segment has.
const MaxNumber = 99_999_999

// Name is the name of a segment's file.
func Name(number int, k Kind) string {
	digits := strconv.Itoa(number)
	return strings.Repeat("0", max(0, 8-len(digits))) + digits + suffixes[k]
}

// ParseName reads a file's name; false: it is none of ours.
func ParseName(name string) (number int, k Kind, ok bool) {
	if len(name) < 8 {
		return 0, 0, false
	}
	for i := range 8 {
		if name[i] < '0' || name[i] > '9' {
			return 0, 0, false
		}
		number = number*10 + int(name[i]-'0')
	}
	for k, suffix := range suffixes {
		if name[8:] == suffix {
			return number, Kind(k), number > 0
		}
	}
	return 0, 0, false
}

// ValidApp reports whether a directory in a store may be an app's. What it accepts is no path.
func ValidApp(name string) bool {
	if name == "" || len(name) > MaxApp || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_', c == '.': // a dot: goinit's own
		default:
			return false
		}
	}
	return true
}
