package store

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"goinit/logs/segment"
)

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// What somebody has put where an app's directory should be is not written through; the lines wait until it has gone.
func TestNoDirectory(t *testing.T) {
	for name, plant := range map[string]func(path, elsewhere string) error{
		"a link":  func(path, elsewhere string) error { return os.Symlink(elsewhere, path) },
		"a file":  func(path, _ string) error { return os.WriteFile(path, nil, 0o600) },
		"a FIFO":  func(path, _ string) error { return unix.Mkfifo(path, 0o600) },
		"nothing": func(path, elsewhere string) error { return os.Symlink(elsewhere+"/nothing", path) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, elsewhere := t.TempDir(), t.TempDir()
			must(t, plant(filepath.Join(dir, "web"), elsewhere))
			k := start(t, Options{Directories: []string{dir}, retry: 1})
			a := k.App("web", Limits{})
			k.must(a, segment.Record{}, "one\n")
			k.Submit(nil)
			until(t, "it is told", func() bool { return k.said() != "" })
			want := "cannot write logs to " + dir + ": " + dir + "/web is no directory; lines are kept in memory, the last 8 MiB of them, until it can be written again\n" +
				"  remove what is there, or choose another log_store.directory (memory needs none)"
			if k.said() != want {
				t.Errorf("told:\n%s\nwant:\n%s", k.said(), want)
			}
			if there, _ := os.ReadDir(elsewhere); len(there) != 0 {
				t.Errorf("it has written elsewhere: %v", there)
			}
			must(t, os.Remove(filepath.Join(dir, "web")))
			until(t, "it is written again", func() bool { return strings.Contains(k.said(), "\nlogs are written to") })
			k.flush()
			if got := texts(readDisk(t, dir, "web")); got != "one\n" {
				t.Errorf("%q", got)
			}
		})
	}
}

// What somebody has planted among the segments that an earlier goinit has left is neither written to, nor waited for, nor
// read into memory.
func TestPlantedSegments(t *testing.T) {
	const precious = "precious, and no segment\n"
	for name, plant := range map[string]func(log, idx, victim string) error{
		"links": func(log, idx, victim string) error { os.Symlink(victim, log); return os.Symlink(victim, idx) },
		"a link": func(log, idx, victim string) error {
			os.WriteFile(log, []byte("x"), 0o600)
			return os.Symlink(victim, idx)
		},
		"hard links": func(log, idx, victim string) error { os.Link(victim, log); return os.Link(victim, idx) },
		"FIFOs":      func(log, idx, _ string) error { unix.Mkfifo(log, 0o600); return unix.Mkfifo(idx, 0o600) },
		"a FIFO":     func(log, idx, _ string) error { os.WriteFile(log, []byte("x"), 0o600); return unix.Mkfifo(idx, 0o600) },
		"a huge one": func(log, idx, _ string) error {
			os.WriteFile(log, []byte("x\n"), 0o600)
			os.WriteFile(idx, nil, 0o600)
			return os.Truncate(idx, 1<<40)
		},
	} {
		t.Run(name, func(t *testing.T) {
			base := t.TempDir()
			dir, victim := filepath.Join(base, "logs"), filepath.Join(base, "victim")
			web := filepath.Join(dir, "web")
			must(t, os.WriteFile(victim, []byte(precious), 0o600), os.MkdirAll(web, 0o700))
			must(t, plant(filepath.Join(web, segment.Name(1, segment.Log)), filepath.Join(web, segment.Name(1, segment.Index)), victim))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			k := start(t, Options{Directories: []string{dir}})
			k.must(k.App("web", Limits{}), segment.Record{}, "one\n")
			k.flush()
			runtime.ReadMemStats(&after)
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
				t.Errorf("it has allocated %d MiB", grown>>20)
			}
			if got, err := os.ReadFile(victim); err != nil || string(got) != precious {
				t.Errorf("it has written to another file: %q %v", got, err)
			}
			if last, err := os.ReadFile(filepath.Join(web, segment.Name(2, segment.Log))); err != nil || string(last) != "one\n" {
				t.Errorf("segment 2 is %q, %v; told: %s", last, err, k.said())
			}
		})
	}
}
