package pid1

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"goinit/spec"

	"golang.org/x/sys/unix"
)

// Apps that were added by commands and saved lie in a file of their own beside the spec, compiled, and are a part of it at
// the next start and at every apply.

// savedPath is that file: goinit.yaml has goinit.saved.json.
func (r *runner) savedPath() string {
	if r.specPath == "" {
		return filepath.Join(r.dir, "goinit.saved.json")
	}
	path := r.specPath
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.dir, path)
	}
	return strings.TrimSuffix(path, filepath.Ext(path)) + ".saved.json"
}

// withSaved adds the saved apps to a spec. One that the spec has by now is the spec's.
func (r *runner) withSaved(s *spec.Spec) error {
	own := ownApps(s)
	data, err := readBounded(r.savedPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("saved apps: %w", err)
	}
	saved, err := spec.Load(data, r.getenv)
	if err != nil {
		return fmt.Errorf("%s: %w\n  it is written by goinit ctl save; without it: rm %[1]s", r.savedPath(), err)
	}
	for _, a := range saved.Apps {
		if !own[a.Name] {
			s.Apps, s.Guests = append(s.Apps, a), append(s.Guests, a.Name)
		}
	}
	return nil
}

// ownApps are those of the file itself, by name.
func ownApps(s *spec.Spec) map[string]bool {
	own := map[string]bool{}
	for _, a := range s.Apps {
		own[a.Name] = !slices.Contains(s.Guests, a.Name)
	}
	return own
}

// save keeps the apps that no spec has for the next start. No path: there are none.
func (r *runner) save(apps []spec.App) (path string, err error) {
	own := ownApps(r.spec.Load())
	added := &spec.Spec{Version: 1, Messages: noApps().Messages}
	for _, a := range apps {
		if !own[a.Name] && (r.options.main == nil || a.Name != mainName) {
			added.Apps = append(added.Apps, a)
		}
	}
	if asleep := r.asleep.Load(); asleep != nil { // they were not asked for this time
		for _, a := range *asleep {
			if !slices.ContainsFunc(apps, func(other spec.App) bool { return other.Name == a.Name }) {
				added.Apps = append(added.Apps, a)
			}
		}
	}
	path = r.savedPath()
	if len(added.Apps) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("cannot save: %w", err)
		}
		return "", nil
	}
	data, err := spec.Encode(added)
	if err != nil {
		return "", fmt.Errorf("cannot save: %w", err)
	}
	if err := replaceFile(path, data); err != nil {
		return "", fmt.Errorf("cannot save: %w\n  is %s writable?", err, filepath.Dir(path))
	}
	return path, nil
}

// replaceFile writes beside the file and renames, so that nobody ever reads half of it.
func replaceFile(path string, data []byte) (err error) {
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		os.Remove(part)
	}
	return err
}
