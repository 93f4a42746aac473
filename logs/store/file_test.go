package store

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Pieces are cut wherever a file's offset asks for it, and all comes in order.
func TestWritevFile(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for _, sizes := range [][]int{{1}, {writePiece}, {writePiece - 1, 1, 1}, {3 * writePiece}, {1, writePiece, 1}, {5*writePiece + 7, 1, 2 * writePiece}, {100, 1, 99, writePiece / 2, writePiece / 2, 1}} {
		for _, at := range []int64{0, 1, writePiece - 1, writePiece, 3*writePiece + 100} {
			t.Run(fmt.Sprint(sizes, at), func(t *testing.T) {
				f, err := os.CreateTemp(t.TempDir(), "")
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if _, err := f.Write(make([]byte, at)); err != nil {
					t.Fatal(err)
				}
				wanted := make([]byte, at)
				var vectors []unix.Iovec
				for _, size := range sizes {
					b := make([]byte, size)
					random.Read(b)
					wanted = append(wanted, b...)
					vectors = append(vectors, vectorOf(b))
				}
				n, err := writevFile(int(f.Fd()), vectors, at)
				if err != nil || n != len(wanted)-int(at) {
					t.Fatalf("%d written, %v", n, err)
				}
				if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, wanted) {
					t.Errorf("%v; the file has %d bytes, wanted %d, or others", err, len(got), len(wanted))
				}
			})
		}
	}
}

// An error behind a piece that was written does not hide how much was.
func TestWritevFileFull(t *testing.T) {
	if !mounts(t) {
		return
	}
	dir := tmpfs(t, "128k")
	fd, err := unix.Open(dir+"/f", unix.O_CREAT|unix.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	b := bytes.Repeat([]byte("line\n"), 2*writePiece)
	written := 0
	for {
		n, err := writevFile(fd, []unix.Iovec{vectorOf(b[written:])}, int64(written))
		written += n
		if err == unix.ENOSPC {
			break
		}
		if err != nil || n == 0 {
			t.Fatalf("%d bytes, %v", n, err)
		}
	}
	got := make([]byte, len(b))
	if n, err := unix.Pread(fd, got, 0); err != nil || n != written || written == 0 || !bytes.Equal(got[:n], b[:n]) {
		t.Errorf("%d bytes in the file of %d written, %v", n, written, err)
	}
}
