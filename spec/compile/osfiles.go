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
		return nil, errors.Unwrap(err) // the path is told by whoever asked
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read it: %w", errors.Unwrap(err))
	}
	if len(data) > limit {
		return nil, fmt.Errorf("too large: a spec with all it includes has %d KiB at most", maxFile>>10)
	}
	return data, nil
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
