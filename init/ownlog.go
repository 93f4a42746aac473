package pid1

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A goinit without a terminal writes its own lines into a file, NAME.log above the workers' logs: what it says while it
// has no store yet, and what the Go runtime says at a crash, is in it too. The file has a bound, and so has what was before.

// ownLogSize is how large it becomes before it is put aside as NAME.log.1, in bytes.
const ownLogSize = 1 << 20

// ownLog is the file; fd is -1 and path empty where there is none.
type ownLog struct {
	path string
	fd   int
	size atomic.Int64
	from int64 // where ours begins
}

// openOwnLog opens it in the first directory that takes it.
func openOwnLog(getenv func(string) (string, bool), name string) (*ownLog, error) {
	directories := ownLogDirectories(getenv)
	if len(directories) == 0 {
		return &ownLog{fd: -1}, nil
	}
	var tried []error
	for _, dir := range directories {
		path, err := filepath.Abs(filepath.Join(dir, name+".log"))
		if err == nil {
			err = os.MkdirAll(dir, 0o755)
		}
		if err == nil {
			var l *ownLog
			if l, err = openLogFile(path); err == nil {
				return l, nil
			}
		}
		tried = append(tried, err)
	}
	return &ownLog{fd: -1}, fmt.Errorf("no place for a log of goinit's own: %w", errors.Join(tried...))
}

func openLogFile(path string) (*ownLog, error) {
	var st unix.Stat_t
	if unix.Lstat(path, &st) == nil && st.Size > ownLogSize {
		_ = os.Rename(path, path+".1")
	}
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		unix.Close(fd)
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	l := &ownLog{path: path, fd: fd, from: st.Size}
	l.size.Store(st.Size)
	return l, nil
}

// ownLogDirectories are where it may be: where the workers' logs are, as far as one knows without a spec. None: no files are
// wanted.
func ownLogDirectories(getenv func(string) (string, bool)) []string {
	switch dir, _ := getenv("GOINIT_LOG_DIRECTORY"); dir {
	case "", "auto":
		return logHomes(getenv)
	case "memory", "off":
		return nil
	default:
		return []string{dir}
	}
}

// tail is what has been written since it was opened, the last of it, for a message.
func (l *ownLog) tail() string {
	const most = 4 << 10
	f, err := os.Open(l.path)
	if err != nil {
		return ""
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return ""
	}
	b := make([]byte, most)
	n, _ := f.ReadAt(b, max(l.from, end-most))
	text := strings.TrimSpace(strings.ToValidUTF8(string(b[:n]), "?"))
	if text == "" {
		return ""
	}
	return "; its last lines:\n  " + strings.ReplaceAll(text, "\n", "\n  ")
}

// bounded is w, which leads to descriptor 2, with the file behind it put aside when it is full.
func (l *ownLog) bounded(w io.Writer) io.Writer { return &boundedLog{l, w} }

type boundedLog struct {
	*ownLog
	next io.Writer
}

func (l *boundedLog) Write(b []byte) (int, error) {
	if l.size.Add(int64(len(b))) > ownLogSize {
		l.size.Store(0)
		go l.putAside() // a disk may be slow
	}
	return l.next.Write(b)
}

// putAside begins a new file. Descriptors 1 and 2 change in one step each, so that no line is lost between.
func (l *boundedLog) putAside() {
	if os.Rename(l.path, l.path+".1") != nil {
		_ = unix.Ftruncate(2, 0)
		return
	}
	fd, err := unix.Open(l.path, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return // it goes on in the old one
	}
	_ = unix.Dup3(fd, 1, 0)
	_ = unix.Dup3(fd, 2, 0)
	unix.Close(fd)
}
