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
	for _, bad := range []string{"x.log", "00000007.idx"} {
		if err := compressLog(filepath.Join(dir, bad)); err == nil {
			t.Errorf("%s is compressed", bad)
		}
	}
	// One that has gone meanwhile is nobody's mistake.
	for _, gone := range []string{"00000009.log", "gone/00000001.log"} {
		if err := compressLog(filepath.Join(dir, gone)); err != nil {
			t.Errorf("%s: %v", gone, err)
		}
	}
}

// Whoever may write to a log directory cannot have it written elsewhere: neither through the app's directory nor a file in it.
func TestCompressLogFollowsNoLinks(t *testing.T) {
	store, elsewhere := t.TempDir(), t.TempDir()
	victim := filepath.Join(elsewhere, "00000001.log")
	for path, content := range map[string]string{victim: "precious\n", store + "/app/00000001.log": "a line\n"} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{store + "/web": elsewhere, store + "/app/00000001.log.zst.tmp": victim, store + "/app/00000002.log": victim} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []string{"web/00000001.log", "app/00000002.log"} {
		if err := compressLog(filepath.Join(store, bad)); err == nil {
			t.Errorf("%s is compressed", bad)
		}
	}
	if err := compressLog(filepath.Join(store, "app/00000001.log")); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(victim); err != nil || string(b) != "precious\n" {
		t.Errorf("%q %v", b, err)
	}
	if there, _ := os.ReadDir(elsewhere); len(there) != 1 {
		t.Errorf("there is more elsewhere: %v", there)
	}
}
