package pid1

import (
	"path/filepath"

	"goinit/control"
	"goinit/logs/store"
	"goinit/reaper"
	"goinit/spec"
)

// systemLogs is where PID 1 keeps logs.
const systemLogs = "/var/log/goinit"

// newStore makes the store of logs; nil: nothing is kept.
func (r *runner) newStore(s *spec.Spec) *store.Store {
	directories, named, ok := r.logDirectories(s)
	if !ok {
		return nil
	}
	var compress func(string, func(error))
	if s.LogStore.Compress == "zstd" {
		compress = newCompressor(r).compress
	}
	return store.New(store.Options{
		Compress:    compress,
		Directories: directories, Named: named, MaxTotal: int64(s.LogStore.MaxTotal),
		Tell: func(l store.Level, text string) {
			if l == store.Warning {
				r.messages.Warn(text, nil)
			} else {
				r.messages.Info(text, nil)
			}
		},
		Wake: func() { r.console.Wake() },
	})
}

// logDirectories are where logs may be kept, the best first, none for memory, and whether a user has said so; not ok: they
// are not to be kept.
func (r *runner) logDirectories(s *spec.Spec) (all []string, named, ok bool) {
	place := s.LogStore.Directory
	if place == "auto" {
		if ours, ok := r.getenv("GOINIT_LOG_DIRECTORY"); ok && ours != "" {
			place = ours
		}
	}
	switch place {
	case "off":
		return nil, true, false
	case "memory":
		return nil, true, true
	case "auto":
		return r.usualLogDirectories(s), false, true
	}
	if !filepath.IsAbs(place) {
		place = filepath.Join(r.dir, place)
	}
	return []string{place}, true, true
}

// usualLogDirectories have a part for each goinit, where there may be others: two projects may both have an app web.
func (r *runner) usualLogDirectories(s *spec.Spec) []string {
	own := r.instanceName(s)
	if r.role == reaper.PID1 {
		own = ""
	}
	all := logHomes(r.getenv)
	for i := range all {
		all[i] = filepath.Join(all[i], own)
	}
	return all
}

// logHomes are the directories for logs of goinits, the best first.
func logHomes(getenv func(string) (string, bool)) []string {
	all := []string{systemLogs}
	if state, ok := getenv("XDG_STATE_HOME"); ok && filepath.IsAbs(state) {
		all = append(all, filepath.Join(state, "goinit"))
	} else if home, ok := getenv("HOME"); ok && filepath.IsAbs(home) && home != "/" {
		all = append(all, filepath.Join(home, ".local/state/goinit"))
	}
	return all
}

// instanceName is the name of this goinit among others.
func (r *runner) instanceName(s *spec.Spec) string {
	switch {
	case r.options.name != "":
		return r.options.name
	case s.Name != "":
		return s.Name
	}
	return control.CleanName(filepath.Base(r.dir))
}
