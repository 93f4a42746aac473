package cgroup

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// write writes a value to a file of the kernel's, in one write(2): that is what makes it one setting.
func write(path, value string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	for {
		_, err = unix.Write(fd, []byte(value))
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	return nil
}

// read reads a small file.
func read(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var all []byte
	buffer := make([]byte, 4096)
	for {
		n, err := unix.Read(fd, buffer)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, &fs.PathError{Op: "read", Path: path, Err: err}
		}
		if n == 0 {
			return all, nil
		}
		all = append(all, buffer[:n]...)
	}
}

func exists(path string) bool { return unix.Access(path, unix.F_OK) == nil }

// readPids are the numbers of a cgroup.procs.
func readPids(path string) (pids []int, err error) {
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(text) {
		if pid, err := strconv.Atoi(string(bytes.TrimSpace(line))); err == nil && pid > 0 { // 0 is of another PID namespace
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// makeDirectory makes a group; made is false where it was there.
func makeDirectory(path string) (made bool, err error) {
	switch err := unix.Mkdir(path, 0o755); err {
	case nil:
		return true, nil
	case unix.EEXIST:
		return false, nil
	default:
		return false, &fs.PathError{Op: "mkdir", Path: path, Err: err}
	}
}

// removeTree removes a group and those beneath it: rmdir is all that a cgroup filesystem knows.
func removeTree(path string) error {
	err := unix.Rmdir(path)
	if err == nil || err == unix.ENOENT {
		return nil
	}
	if beneath, e := directories(path); e == nil && len(beneath) > 0 {
		for _, name := range beneath {
			if e := removeTree(filepath.Join(path, name)); e != nil {
				return e
			}
		}
		err = unix.Rmdir(path)
	}
	if err == nil || err == unix.ENOENT {
		return nil
	}
	return &fs.PathError{Op: "rmdir", Path: path, Err: err}
}

// directories are the names of a group's children.
func directories(path string) (names []string, err error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	buffer := make([]byte, 16<<10)
	var all []string
	for {
		n, err := unix.ReadDirent(fd, buffer)
		if err != nil || n <= 0 {
			break
		}
		_, _, all = unix.ParseDirent(buffer[:n], -1, all)
	}
	for _, name := range all {
		var st unix.Stat_t
		if unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
			names = append(names, name)
		}
	}
	return names, nil
}

// number is the value behind a word at the beginning of a line: "oom_kill 3". It does not allocate.
func number(text []byte, word string) (uint64, bool) {
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, newline)
		if len(line) > len(word) && line[len(word)] == ' ' && string(line[:len(word)]) == word {
			return digits(line[len(word)+1:]), true
		}
		text = rest
	}
	return 0, false
}

var newline = []byte{'\n'}

// digits reads the number that a text begins with; "max" is 0.
func digits(text []byte) (n uint64) {
	for _, c := range text {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + uint64(c-'0')
	}
	return n
}

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
