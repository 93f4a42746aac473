package ctl

import (
	"encoding/json"
	"os"
	"path/filepath"

	"goinit/control"
	"goinit/logs/query"
)

// leftBehind is where a goinit that has died may have left its logs; empty: nowhere. Package pid1 has the same list.
func (s *session) leftBehind() string {
	for _, dir := range s.usualDirectories() {
		if !filepath.IsAbs(dir) {
			continue
		}
		if store, err := query.Open(dir); err == nil {
			for _, u := range store.Usage() {
				if u.Segments > 0 {
					return dir
				}
			}
		}
	}
	return ""
}

// usualDirectories are where the spec says, or the environment; else as PID 1 /var/log/goinit, elsewhere a part of it, or of the
// user's own place, which is named as the working directory.
func (s *session) usualDirectories() []string {
	dirs := []string{s.specDirectory(), s.getenv("GOINIT_LOG_DIRECTORY"), "/var/log/goinit"}
	state := s.getenv("XDG_STATE_HOME")
	if home := s.getenv("HOME"); state == "" && home != "" {
		state = filepath.Join(home, ".local/state")
	}
	if state != "" {
		dirs = append(dirs, filepath.Join(state, "goinit"))
	}
	if here, err := os.Getwd(); err == nil {
		for _, dir := range dirs[2:] {
			dirs = append(dirs, filepath.Join(dir, control.CleanName(filepath.Base(here))))
		}
	}
	return dirs
}

// specDirectory is log_store: {directory: ...} of the spec that lies here, if there is one and it can be read.
func (s *session) specDirectory() string {
	path, err := findSpec("")
	if err != nil {
		return ""
	}
	b, err := s.compile(path)
	if err != nil {
		return ""
	}
	var spec struct {
		LogStore struct {
			Directory string `json:"directory"`
		} `json:"log_store"`
	}
	_ = json.Unmarshal(b, &spec)
	switch dir := os.Expand(spec.LogStore.Directory, s.getenv); dir {
	case "", "auto", "off", "memory":
		return ""
	default:
		abs, _ := filepath.Abs(dir)
		return abs
	}
}
