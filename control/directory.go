package control

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Where sockets are. Server and client walk the same list, so that neither has to be told what the other chose:
//
//	/run/goinit                  where it is there or can be made
//	$XDG_RUNTIME_DIR/goinit      an ordinary user's
//	/run/user/UID/goinit         the same where the environment does not say
//	/dev/shm/goinit-UID-PIDNS    what a container with a read-only root still has. /dev/shm may be shared with other
//	                             containers, hence the PID namespace in its name
//
// GOINIT_SOCKET_DIRECTORY stands for all of them. A directory counts only if nobody but root and its user can write to it.
func directories(getenv func(string) string, uid int) []string {
	if d := getenv("GOINIT_SOCKET_DIRECTORY"); d != "" {
		return []string{d}
	}
	dirs := []string{"/run/goinit"}
	if d := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(d) {
		dirs = append(dirs, filepath.Join(d, "goinit"))
	}
	dirs = append(dirs, fmt.Sprintf("/run/user/%d/goinit", uid))
	if ns := pidNamespace(); ns != "" {
		dirs = append(dirs, fmt.Sprintf("/dev/shm/goinit-%d-%s", uid, ns))
	}
	return dirs
}

// everyonesDirectories are other users', which root may look into.
func everyonesDirectories() []string {
	dirs, _ := filepath.Glob("/run/user/*/goinit")
	if ns := pidNamespace(); ns != "" {
		shm, _ := filepath.Glob("/dev/shm/goinit-*-" + ns)
		dirs = append(dirs, shm...)
	}
	return dirs
}

// pidNamespace is the number in pid:[4026531836].
func pidNamespace() string {
	link, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	n := strings.TrimSuffix(strings.TrimPrefix(link, "pid:["), "]")
	if _, err := strconv.ParseUint(n, 10, 64); err != nil {
		return ""
	}
	return n
}

// trusted says whether only root and uid can change what is in a directory. It is not followed if it is a link.
func trusted(dir string, uid int) error {
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return &os.PathError{Op: "lstat", Path: dir, Err: err}
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Errorf("%s is not a directory", dir)
	case st.Uid != 0 && int(st.Uid) != uid:
		return fmt.Errorf("%s belongs to uid %d", dir, st.Uid)
	case st.Mode&0o022 != 0:
		return fmt.Errorf("%s can be written by others (mode %#o)", dir, st.Mode&0o7777)
	}
	return nil
}

// makeDirectory makes a socket directory, or finds it made, and writable and trusted.
func makeDirectory(dir string, uid int) error {
	mode := uint32(0o700)
	if dir == "/run/goinit" {
		mode = 0o755 // the read group passes; the sockets have modes of their own
	}
	if err := unix.Mkdir(dir, mode); err != nil && err != unix.EEXIST {
		return &os.PathError{Op: "mkdir", Path: dir, Err: err}
	}
	if err := trusted(dir, uid); err != nil {
		return err
	}
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return &os.PathError{Op: "write to", Path: dir, Err: err}
	}
	return nil
}
