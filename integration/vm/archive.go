package vm

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
)

// archive writes an initramfs: cpio's "newc" format, uncompressed, for an emulated processor unpacks slowly
// (Documentation/driver-api/early-userspace/buffer-format.rst).
type archive struct {
	w       io.Writer
	written int64
	inode   int
	dirs    map[string]bool
	err     error // the first; later calls do nothing
}

func newArchive(w io.Writer) *archive {
	return &archive{w: w, dirs: map[string]bool{".": true, "/": true, "": true}}
}

// file adds a file with the contents of one of this machine's, and its permissions.
func (a *archive) file(name, source string) {
	data, err := os.ReadFile(source)
	if err != nil {
		a.fail(err)
		return
	}
	info, err := os.Stat(source)
	if err != nil {
		a.fail(err)
		return
	}
	a.bytes(name, info.Mode().Perm(), data)
}

// The types of a file, as stat(2) has them.
const (
	typeFile = 0o100000
	typeDir  = 0o040000
	typeLink = 0o120000
	typeChar = 0o020000
)

func (a *archive) bytes(name string, perm fs.FileMode, data []byte) {
	a.entry(name, typeFile|uint32(perm), data, 0, 0)
}

func (a *archive) link(name, target string) { a.entry(name, typeLink|0o777, []byte(target), 0, 0) }

func (a *archive) device(name string, major, minor int) {
	a.entry(name, typeChar|0o600, nil, major, minor)
}

// dir adds a directory, and those above it.
func (a *archive) dir(name string) {
	var missing []string
	for d := path.Clean(name); !a.dirs[d]; d = path.Dir(d) {
		a.dirs[d] = true
		missing = append(missing, d)
	}
	slices.Reverse(missing)
	for _, d := range missing {
		a.entry(d, typeDir|0o755, nil, 0, 0)
	}
}

// close ends the archive and returns the first error of all.
func (a *archive) close() error {
	a.entry("TRAILER!!!", 0, nil, 0, 0)
	return a.err
}

func (a *archive) entry(name string, mode uint32, data []byte, major, minor int) {
	name = path.Clean(name)
	if mode&typeDir != typeDir && mode != 0 {
		a.dir(path.Dir(name))
	}
	for len(name) > 1 && name[0] == '/' {
		name = name[1:]
	}
	a.inode++
	a.print("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", a.inode, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(name)+1, 0)
	a.print("%s\x00", name)
	a.pad()
	a.print("%s", data)
	a.pad()
}

// pad fills up to the next multiple of four bytes, where the kernel looks for what comes.
func (a *archive) pad() { a.print("%s", make([]byte, -a.written&3)) }

func (a *archive) print(format string, args ...any) {
	if a.err != nil {
		return
	}
	n, err := fmt.Fprintf(a.w, format, args...)
	a.written += int64(n)
	a.err = err
}

func (a *archive) fail(err error) {
	if a.err == nil {
		a.err = err
	}
}
