package store

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// writevFile is writev(2) at the end of a file. A signal does not interrupt a write to a file.
func writevFile(fd int, vectors []unix.Iovec) (int, error) {
	for {
		n, _, e := unix.Syscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&vectors[0])), uintptr(len(vectors)))
		runtime.KeepAlive(vectors)
		switch e {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, e
		}
	}
}

// writeFile writes all of b at an offset, or says how much.
func writeFile(fd int, b []byte, at int64) (written int, err error) {
	for written < len(b) {
		n, err := unix.Pwrite(fd, b[written:], at+int64(written))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return written, err
		case n == 0:
			return written, unix.ENOSPC
		}
		written += max(0, n)
	}
	return written, nil
}

// copyFile copies a part of one file to an offset in another, whose position is behind it afterwards.
func copyFile(to int, at int64, from int, start, end int64) error {
	b := make([]byte, 64<<10)
	for start < end {
		n, err := unix.Pread(from, b[:min(int64(len(b)), end-start)], start)
		if err != nil && err != unix.EINTR {
			return err
		}
		if n == 0 && err == nil {
			return unix.EIO
		}
		if n = max(0, n); n > 0 {
			if _, err := writeFile(to, b[:n], at); err != nil {
				return err
			}
		}
		start, at = start+int64(n), at+int64(n)
	}
	_, err := unix.Seek(to, at, unix.SEEK_SET)
	return err
}

func sizeOf(path string) int64 {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return 0
	}
	return st.Size
}

func closeBoth(a, b int) {
	unix.Close(a)
	unix.Close(b)
}
