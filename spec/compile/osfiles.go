package compile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// OS is the files of this machine.
type OS struct{}

// ReadFile reads a regular file, or what a pipe gives.
func (OS) ReadFile(path string, limit int) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, withoutPath(err)
	}
	if len(data) > limit {
		return nil, fmt.Errorf("too large: a spec with all it includes has %d KiB at most", maxFile>>10)
	}
	return data, nil
}

// withoutPath leaves the path to whoever asked, who tells it first.
func withoutPath(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("cannot %s it: %w", pe.Op, pe.Err)
	}
	return err
}

// Glob returns the files that match, sorted.
func (OS) Glob(pattern string) ([]string, error) {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return nil, errors.New("is not a pattern")
	}
	slices.Sort(paths)
	return paths, nil
}
