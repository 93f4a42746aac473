package spec

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// Bounds of the files that a start reads. The kernel gives no process a variable of more than 128 KiB (MAX_ARG_STRLEN of
// execve(2)).
const (
	maxEnvFile = 1 << 20
	maxSecret  = 128 << 10
)

// ReadEnvFile reads a file of variables: see ParseEnvFile. One that there is not holds nothing, unless it is required.
func ReadEnvFile(path string, required bool, lookup func(string) (string, bool)) ([]Variable, error) {
	data, err := readBounded(path, maxEnvFile)
	if errors.Is(err, fs.ErrNotExist) && !required {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read env_file: %w", err)
	}
	all, err := ParseEnvFile(data, lookup)
	if err != nil {
		return nil, fmt.Errorf("cannot read env_file: %s: %w", path, err)
	}
	return all, nil
}

// ReadSecret reads the value of a variable from its file and cuts the last newline, which editors and echo leave. The value is
// in no error.
func ReadSecret(path string) (string, error) {
	data, err := readBounded(path, maxSecret)
	if err != nil {
		return "", fmt.Errorf("cannot read the secret: %w", err)
	}
	value, cut := strings.CutSuffix(string(data), "\n")
	if cut {
		value = strings.TrimSuffix(value, "\r")
	}
	if strings.IndexByte(value, 0) >= 0 {
		return "", fmt.Errorf("cannot read the secret: %s has a NUL byte, and a variable cannot", path)
	}
	return value, nil
}

// readBounded reads a regular file. A FIFO would keep PID 1 waiting for whoever writes, hence O_NONBLOCK.
func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &os.PathError{Op: "read", Path: path, Err: errors.New("it is not a regular file")}
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = &os.PathError{Op: "read", Path: path, Err: fmt.Errorf("it is longer than %d KiB", most>>10)}
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}
