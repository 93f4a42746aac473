package ctl

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

func TestCompressLog(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "00000007.log")
	want := bytes.Repeat([]byte("a line of a log\n"), 10_000)
	if err := os.WriteFile(path, want, 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	if err := compressLog(path); err != nil {
		t.Fatal(err)
	}
	names, _ := os.ReadDir(dir)
	if len(names) != 1 || names[0].Name() != "00000007.log.zst" {
		t.Fatalf("%v", names)
	}
	f, err := os.Open(filepath.Join(dir, "00000007.log.zst"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	st, _ := f.Stat()
	if st.Mode().Perm() != 0o600 || !st.ModTime().Equal(at) || st.Size() > 10_000 {
		t.Errorf("%v %v %d", st.Mode(), st.ModTime(), st.Size())
	}
	r, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	for _, bad := range []string{"x.log", "00000007.idx", "00000009.log"} {
		if err := compressLog(filepath.Join(dir, bad)); err == nil {
			t.Errorf("%s is compressed", bad)
		}
	}
}
