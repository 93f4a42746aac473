package control_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"goinit/control"
	"goinit/control/controltest"
)

// Descriptors come with the answers that they belong to, and lead to the files.
func TestLogFiles(t *testing.T) {
	f := controltest.New()
	dir := t.TempDir()
	f.Store = control.LogStoreReply{Place: "disk", Directory: dir, Apps: []control.LogSize{}}
	for i, text := range []string{"one", "two", "three"} {
		data, index := file(t, dir, text), file(t, dir, text+" index")
		f.Files = append(f.Files, controltest.LogFile{LogFile: control.LogFile{App: "web", Number: i + 1, Open: i == 2}, Data: data, Index: index})
	}
	c := dialFake(t, f)
	got := 0
	err := c.StreamFiles(t.Context(), "LogFiles", control.LogFilesRequest{Apps: []string{"web"}}, func(p json.RawMessage, files []int) error {
		var seg control.LogFile
		if err := json.Unmarshal(p, &seg); err != nil || len(files) != 2 {
			t.Fatalf("%s with %d files: %v", p, len(files), err)
		}
		want, err := os.ReadFile(f.Files[got].Data.Name())
		if err != nil {
			t.Fatal(err)
		}
		data, index := os.NewFile(uintptr(files[0]), "data"), os.NewFile(uintptr(files[1]), "index")
		defer data.Close()
		defer index.Close()
		b := make([]byte, 99)
		if n, _ := data.ReadAt(b, 0); string(b[:n]) != string(want) || seg != f.Files[got].LogFile {
			t.Errorf("%+v: %q, want %q", seg, b[:n], want)
		}
		if n, _ := index.ReadAt(b, 0); string(b[:n]) != string(want)+" index" {
			t.Errorf("index: %q", b[:n])
		}
		got++
		return nil
	})
	if err != nil || got != 3 {
		t.Errorf("%d segments, %v", got, err)
	}
	var s control.LogStoreReply
	files, err := c.CallFiles(t.Context(), "LogStore", control.LogStoreRequest{Descriptor: true}, &s)
	if err != nil || len(files) != 1 || s.Directory != dir {
		t.Fatalf("%+v with %d files: %v", s, len(files), err)
	}
	d := os.NewFile(uintptr(files[0]), "directory")
	defer d.Close()
	if names, err := d.Readdirnames(-1); len(names) != 6 || err != nil {
		t.Errorf("%v %v", names, err)
	}
}

func TestLogVacuumIsChecked(t *testing.T) {
	f := controltest.New()
	c := dialFake(t, f)
	less, none, some := int64(-1), 0.0, 3600.0
	for _, r := range []control.LogVacuumRequest{{}, {MaxBytes: &less}, {MaxAgeSeconds: &none}, {MaxAgeSeconds: &some, Apps: []string{"../etc"}}} {
		if err := c.Call(t.Context(), "LogVacuum", r, nil); err == nil {
			t.Errorf("%+v is accepted", r)
		}
	}
	var reply control.LogVacuumReply
	if err := c.Call(t.Context(), "LogVacuum", control.LogVacuumRequest{MaxAgeSeconds: &some, Apps: []string{"web"}}, &reply); err != nil || reply.Removed != 3 {
		t.Errorf("%+v %v", reply, err)
	}
	f.Lock()
	defer f.Unlock()
	if len(f.Vacuumed) != 1 {
		t.Errorf("%+v", f.Vacuumed)
	}
}

func dialFake(t *testing.T, f *controltest.Fake) *control.Client {
	t.Helper()
	dir := t.TempDir()
	socket, err := control.Listen(control.Listening{Path: filepath.Join(dir, "s.sock"), ReadGroup: -1, Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	server := control.Serve(f, socket, control.DefaultLimits(), func(text string) { t.Log(text) })
	t.Cleanup(server.Close)
	c, err := control.Dial(socket.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func file(t *testing.T, dir, text string) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, text))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	return f
}
