package store

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"goinit/logs/segment"

	"golang.org/x/sys/unix"
)

// place is where segments are. Only the writer calls it.
type place interface {
	String() string
	// create makes a segment's two files and opens them for writing and reading.
	create(app string, number int) (data, index int, err error)
	// there reports whether an open segment's .log can be found by those who look for it.
	there(app string, number, data int) bool
	// closed is told that a segment is not written any more.
	closed(data, index int)
	remove(app string, number int)
	// reader opens a segment for reading only.
	reader(app string, number int, compressed bool) (data, index int, err error)
	leave()
}

// disk is a directory with one for each app.
type disk struct {
	dir  string
	lock int
}

// openDisk makes the directory and locks it, as a whole and only for us.
func openDisk(dir string) (*disk, error) {
	d := &disk{dir: dir, lock: -1}
	if err := d.make(); err != nil {
		return nil, err
	}
	return d, nil
}

// errLocked is a directory in which another goinit writes.
var errLocked = errors.New("another goinit keeps its logs there")

func (d *disk) make() error {
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return bare(err)
	}
	lock, err := unix.Open(filepath.Join(d.dir, segment.LockName), unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	if err := unix.Flock(lock, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		unix.Close(lock)
		if err == unix.EWOULDBLOCK {
			return errLocked
		}
		return err
	}
	d.leave()
	d.lock = lock
	return nil
}

// bare is the reason alone: the directory is named by who tells it.
func bare(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func (d *disk) String() string { return d.dir }

func (d *disk) path(app string, number int, k segment.Kind) string {
	return d.dir + "/" + app + "/" + segment.Name(number, k)
}

// open opens an app's directory. Whoever may write to ours may have put something else in its place: no link is followed
// below ours, so nothing is ever written, removed or handed over that is elsewhere.
func (d *disk) open(app string) (int, error) {
	all, err := unix.Open(d.dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(all)
	dir, err := unix.Openat(all, app, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == unix.ENOTDIR || err == unix.ELOOP {
		return -1, &impostor{d.dir + "/" + app}
	}
	return dir, err
}

// impostor is what is in the place of an app's directory and is none.
type impostor struct{ path string }

func (i *impostor) Error() string { return i.path + " is no directory" }

// file opens one of a segment's files in a directory that open has opened. What is no regular file blocks nobody.
func file(dir, number int, k segment.Kind, flags int) (int, error) {
	return unix.Openat(dir, segment.Name(number, k), flags|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
}

func (d *disk) create(app string, number int) (data, index int, err error) {
	dir, err := d.openOrMake(app)
	if err != nil {
		return -1, -1, err
	}
	defer unix.Close(dir)
	const flags = unix.O_RDWR | unix.O_CREAT | unix.O_EXCL
	if data, err = file(dir, number, segment.Log, flags); err != nil {
		return -1, -1, err
	}
	if index, err = file(dir, number, segment.Index, flags); err != nil {
		unix.Close(data)
		unix.Unlinkat(dir, segment.Name(number, segment.Log), 0)
		return -1, -1, err
	}
	return data, index, nil
}

func (d *disk) openOrMake(app string) (int, error) {
	dir, err := d.open(app)
	if err != unix.ENOENT {
		return dir, err
	}
	if unix.Access(d.dir, unix.F_OK) != nil { // it was removed with all that was in it, the lock too
		if err := d.make(); err != nil {
			return -1, err
		}
	}
	if err := unix.Mkdir(d.dir+"/"+app, 0o700); err != nil && err != unix.EEXIST {
		return -1, err
	}
	return d.open(app)
}

func (d *disk) there(app string, number, data int) bool {
	var ours, theirs unix.Stat_t
	return unix.Fstat(data, &ours) != nil || unix.Stat(d.path(app, number, segment.Log), &theirs) == nil && ours.Ino == theirs.Ino && ours.Dev == theirs.Dev
}

func (d *disk) closed(data, index int) {
	unix.Close(data)
	unix.Close(index)
}

func (d *disk) remove(app string, number int) {
	dir, err := d.open(app)
	if err != nil {
		return
	}
	defer unix.Close(dir)
	for _, k := range []segment.Kind{segment.Log, segment.Compressed, segment.Index} {
		unix.Unlinkat(dir, segment.Name(number, k), 0)
	}
	unix.Rmdir(d.dir + "/" + app) // when that was the last
}

func (d *disk) reader(app string, number int, compressed bool) (data, index int, err error) {
	dir, err := d.open(app)
	if err != nil {
		return -1, -1, err
	}
	defer unix.Close(dir)
	k := segment.Log
	if compressed {
		k = segment.Compressed
	}
	if data, err = file(dir, number, k, unix.O_RDONLY); err != nil {
		return -1, -1, err
	}
	if index, err = file(dir, number, segment.Index, unix.O_RDONLY); err != nil {
		unix.Close(data)
		return -1, -1, err
	}
	return data, index, nil
}

func (d *disk) leave() {
	if d.lock >= 0 {
		unix.Close(d.lock)
		d.lock = -1
	}
}

// memory is files that only descriptors lead to (memfd_create(2)).
type memory struct {
	files map[memoryName][2]int
}

type memoryName struct {
	app    string
	number int
}

func (m *memory) String() string { return "memory" }

func (m *memory) create(app string, number int) (data, index int, err error) {
	if data, err = unix.MemfdCreate(app+"/"+segment.Name(number, segment.Log), unix.MFD_CLOEXEC); err != nil {
		return -1, -1, err
	}
	if index, err = unix.MemfdCreate(app+"/"+segment.Name(number, segment.Index), unix.MFD_CLOEXEC); err != nil {
		unix.Close(data)
		return -1, -1, err
	}
	m.files[memoryName{app, number}] = [2]int{data, index}
	return data, index, nil
}

func (m *memory) there(string, int, int) bool { return true }
func (m *memory) closed(int, int)             {}

func (m *memory) remove(app string, number int) {
	name := memoryName{app, number}
	if files, is := m.files[name]; is {
		unix.Close(files[0])
		unix.Close(files[1])
		delete(m.files, name)
	}
}

// reader opens them anew, so that nobody who is given them can write.
func (m *memory) reader(app string, number int, _ bool) (data, index int, err error) {
	files, is := m.files[memoryName{app, number}]
	if !is {
		return -1, -1, unix.ENOENT
	}
	if data, err = unix.Open("/proc/self/fd/"+strconv.Itoa(files[0]), unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return -1, -1, err
	}
	if index, err = unix.Open("/proc/self/fd/"+strconv.Itoa(files[1]), unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		unix.Close(data)
		return -1, -1, err
	}
	return data, index, nil
}

func (m *memory) leave() {
	for name := range m.files {
		m.remove(name.app, name.number)
	}
}
