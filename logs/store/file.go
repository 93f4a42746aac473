package store

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// writePiece is how much is written at a time, up to a multiple of it in the file. A file system takes memory for what is written
// in one go in one block, and those of more than this come from where nobody has been for a while: on a machine that gives
// its host back what is free each page of them costs several times what it costs to write it.
const writePiece = 64 << 10

// writevFile writes the vectors at the end of a file, which is at an offset, and returns how many bytes; it uses up the
// vectors. There may be an error behind some that are written.
func writevFile(fd int, vectors []unix.Iovec, at int64) (written int, err error) {
	for len(vectors) > 0 {
		left := uint64(writePiece - (at+int64(written))%writePiece)
		count := 0
		for count < len(vectors) && vectors[count].Len <= left {
			left -= vectors[count].Len
			count++
		}
		cut := left > 0 && count < len(vectors)
		var rest unix.Iovec
		if cut {
			v := &vectors[count]
			rest = unix.Iovec{Base: (*byte)(unsafe.Add(unsafe.Pointer(v.Base), left)), Len: v.Len - left}
			v.Len = left
			count++
		}
		n, err := writev(fd, vectors[:count])
		written += n
		if err != nil || n < lengthOf(vectors[:count]) {
			return written, err
		}
		if cut {
			count--
			vectors[count] = rest
		}
		vectors = vectors[count:]
	}
	return written, nil
}

func lengthOf(vectors []unix.Iovec) (n int) {
	for _, v := range vectors {
		n += int(v.Len)
	}
	return n
}

// writev is writev(2) at the position of a file. A signal does not interrupt a write to a file.
func writev(fd int, vectors []unix.Iovec) (int, error) {
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
