package control

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Instance is a goinit of this machine, as it registered itself.
type Instance struct {
	Name       string `json:"name"`
	Socket     string `json:"socket"`
	PID        int    `json:"pid"`
	WorkingDir string `json:"working_dir"`
}

// Instances lists the goinits that live, by name: this user's, and root's where they can be read; for root
// everybody's. Dead ones are removed where that is allowed, and skipped.
func Instances(getenv func(string) string) []Instance {
	uid := os.Geteuid()
	dirs := directories(getenv, uid)
	if uid == 0 && getenv("GOINIT_SOCKET_DIRECTORY") == "" {
		dirs = append(dirs, everyonesDirectories()...)
	}
	return instancesIn(dirs, uid)
}

func instancesIn(dirs []string, uid int) []Instance {
	var found []Instance
	for i, dir := range dirs {
		if slices.Contains(dirs[:i], dir) || (trusted(dir, uid) != nil && uid != 0) {
			continue
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*.json"))
		for _, f := range files {
			name := strings.TrimSuffix(filepath.Base(f), ".json")
			in, err := readRegistration(dir, name)
			if err != nil || in.Name != name || in.Socket == "" {
				continue
			}
			if dead(in, dir) {
				bury(in, dir)
				continue
			}
			found = append(found, in)
		}
	}
	slices.SortStableFunc(found, func(a, b Instance) int { return strings.Compare(a.Name, b.Name) })
	return found
}

func readRegistration(dir, name string) (Instance, error) {
	const most = 16 << 10 // two paths
	var in Instance
	f, err := os.OpenFile(filepath.Join(dir, name+".json"), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return in, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return in, err
	}
	return in, json.Unmarshal(b, &in)
}

// dead is a socket that nobody listens on.
func dead(in Instance, dir string) bool {
	c, err := connect(in.Socket, time.Second)
	if err == nil {
		c.close()
		return false
	}
	return errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENOENT)
}

// bury removes what a killed goinit left, if its lock can be had: one that is just starting holds it already.
func bury(in Instance, dir string) {
	lock, err := takeLock(filepath.Join(dir, in.Name+".lock"))
	if err != nil {
		return
	}
	defer lock.Close()
	if filepath.Dir(in.Socket) == dir {
		os.Remove(in.Socket)
	} else if st, err := os.Lstat(in.Socket); err == nil && st.Mode()&os.ModeSocket != 0 && dead(in, dir) {
		os.Remove(in.Socket)
	}
	os.RemoveAll(filepath.Join(dir, in.Name+".notify")) // the sockets of its workers' readiness
	os.Remove(filepath.Join(dir, in.Name+".json"))
	os.Remove(filepath.Join(dir, in.Name+".lock"))
}

// CleanName makes a name for a goinit of anything, a directory's say: letters, digits, dot, dash and underscore.
func CleanName(s string) string {
	const most = 63
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-', r == '.':
			return r
		}
		return '-'
	}, s)
	s = strings.TrimLeft(s, ".-")
	if len(s) > most {
		s = s[:most]
	}
	if s == "" {
		return "goinit"
	}
	return s
}
