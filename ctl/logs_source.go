package ctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"goinit/control"
	"goinit/ctl/human"
	"goinit/logs/query"
	"goinit/logs/segment"
)

// logSources are where the lines of one question come from.
type logSources struct {
	stores  []*query.Store
	rings   []ring          // with -f: goinits without a store
	writers []writer        // with -f: the goinits that write the stores
	files   []int           // directories that goinits have handed over
	handed  []*query.Handed // and segments
	waits   int64           // so many bytes the goinit that was asked last cannot write now
}

// ring is a goinit that is asked for every line.
type ring struct {
	client  *control.Client
	name    string
	request control.LogsRequest
}

func (src *logSources) close() {
	closeAll(src.files)
	for _, h := range src.handed {
		h.Close()
	}
	for _, w := range src.writers {
		w.client.Close()
	}
	for _, r := range src.rings {
		r.client.Close()
	}
}

// sources finds the logs: in --directory; with the goinits that are meant; where one that has died left them.
func (l *logsQuery) sources(ctx context.Context) (*logSources, error) {
	if l.flags.directory != "" {
		return l.left(l.flags.directory)
	}
	found, err := l.s.instances()
	if err != nil {
		if dir := l.s.leftBehind(); dir != "" && statusOf(err) == exitNoAnswer && l.s.name == "" {
			fmt.Fprintf(l.s.stderr, "goinit ctl: no goinit answers here; these logs are from %s\n", dir)
			return l.left(dir)
		}
		return nil, err
	}
	src := &logSources{}
	names, errs := make([]answer[struct{}], len(found)), make([]error, len(found))
	for i, instance := range found {
		name := ""
		if l.s.all {
			name = instance.Name
		}
		names[i].instance = name
		errs[i] = l.ask(ctx, instance, name, src)
	}
	if _, err := settle(l.s.all, names, errs); err != nil {
		src.close()
		return nil, err
	}
	return src, nil
}

// left are logs without a goinit: nobody is there to be asked what a tag or a pid means.
func (l *logsQuery) left(dir string) (*logSources, error) {
	store, err := query.Open(dir)
	if err != nil {
		return nil, failed("cannot read logs: %w", err)
	}
	for _, word := range l.targets {
		if word == "all" {
			store.Targets = nil
			break
		}
		t, ok := targetOf(word)
		if !ok {
			return nil, fmt.Errorf("%q: without a goinit only apps (web) and workers (web/0) are known, and all", word)
		}
		if !store.Has(t) {
			return nil, noLogs(store, word)
		}
		store.Targets = append(store.Targets, t)
	}
	return &logSources{stores: []*query.Store{store}}, nil
}

func noLogs(store *query.Store, word string) error {
	apps, _ := store.Apps()
	there := "are no apps"
	if len(apps) > 0 {
		there = "are " + strings.Join(apps, " ")
	}
	return exit{exitNoTarget, fmt.Errorf("no logs of %q in %s; there %s", word, store.Path, there)}
}

// targetOf reads web and web/0.
func targetOf(word string) (query.Target, bool) {
	app, slot, isWorker := strings.Cut(word, "/")
	if app == "" || app[0] < 'a' || app[0] > 'z' {
		return query.Target{}, false
	}
	if !isWorker {
		return query.Target{App: app, Slot: query.WholeApp}, true
	}
	n, err := strconv.Atoi(slot)
	return query.Target{App: app, Slot: n}, err == nil && n >= 0
}

// ask finds out where one goinit has its logs.
func (l *logsQuery) ask(ctx context.Context, i control.Instance, name string, src *logSources) error {
	c, err := dial(i)
	if err != nil {
		return err
	}
	defer func() {
		if c != nil {
			c.Close()
		}
	}()
	quick, cancel := l.s.context(ctx)
	defer cancel()
	store, handed, stuck, err := src.open(quick, c, i)
	if stuck != nil {
		l.warn(stuck)
	}
	switch {
	case err != nil:
		return err
	case store == nil:
		if err := l.askRing(quick, c, name, src); err != nil || !l.flags.follow {
			return err
		}
		c = nil // the ring's
		return nil
	}
	store.Name = name
	if store.Targets, err = resolve(quick, c, store, l.targets); err != nil {
		return err
	}
	src.stores = append(src.stores, store)
	if !l.flags.follow { // who follows sees it when it is written
		waiting, err := src.waiting(quick, c, i)
		if err != nil {
			return err
		}
		if waiting != nil {
			waiting.Name, waiting.Targets = name, store.Targets
			src.stores = append(src.stores, waiting)
		}
	}
	if l.flags.follow {
		src.writers = append(src.writers, writer{i, c, handed})
		c = nil
	}
	return nil
}

// open opens the store of a goinit: its directory by its path, if it is the same one here as there, else by the descriptor that
// it hands over; what is in memory, or not for this user, by descriptors of the segments. nil: it keeps nothing, but
// for the last lines of each app; or it is older than stores are. Where its disk does not answer, stuck says what is missing: the
// files may be read all the same.
func (src *logSources) open(ctx context.Context, c *control.Client, i control.Instance) (store *query.Store, handed *query.Handed, stuck, err error) {
	var r control.LogStoreReply
	files, err := c.CallFiles(ctx, "LogStore", control.LogStoreRequest{Descriptor: true}, &r)
	src.files = append(src.files, files...)
	src.waits = r.Waiting
	if r.Stuck {
		src.waits = 0 // nor can it be asked for that
		stuck = fmt.Errorf("%s: the disk does not answer goinit; what is in its files is shown, and %sB that goinit has in memory are not", r.Directory, human.Bytes(r.Waiting))
	}
	switch told := new(control.Error); {
	case errors.As(err, &told) && strings.HasSuffix(told.Name, "MethodNotFound"):
		return nil, nil, nil, nil
	case err != nil:
		return nil, nil, nil, err
	case r.Place == "disk" && len(files) > 0:
		path := r.Directory
		var here, there unix.Stat_t
		if unix.Stat(path, &here) != nil || unix.Fstat(files[0], &there) != nil || here.Ino != there.Ino || here.Dev != there.Dev {
			path = fmt.Sprintf("/proc/self/fd/%d", files[0])
		}
		store, err = query.Open(path)
		if err == nil && unix.Access(filepath.Join(path, segment.LockName), unix.R_OK) == unix.EACCES {
			err = unix.EACCES // who made the directory may have opened it to all: what goinit makes in it is its own user's
		}
		if err == nil {
			return store, nil, stuck, nil
		}
		if stuck != nil { // then no segments are handed over
			return nil, nil, nil, failed("%s: the disk does not answer goinit, and you may not open it: %w", r.Directory, err)
		}
	case r.Place != "disk" && r.Place != "memory":
		return nil, nil, nil, nil
	}
	store, handed = query.NewHanded("", "what is handed over at "+i.Socket)
	src.handed = append(src.handed, handed)
	return store, handed, nil, takeSegments(ctx, c, control.LogFilesRequest{}, handed)
}

// waiting is what a goinit cannot write at the moment; nil: nothing.
func (src *logSources) waiting(ctx context.Context, c *control.Client, i control.Instance) (*query.Store, error) {
	if src.waits == 0 {
		return nil, nil
	}
	store, handed := query.NewHanded("", "what waits in the memory of "+i.Socket)
	src.handed = append(src.handed, handed)
	return store, takeSegments(ctx, c, control.LogFilesRequest{Waiting: true}, handed)
}

// takeSegments asks for descriptors of segments, and with Follow of those that are begun later.
func takeSegments(ctx context.Context, c *control.Client, q control.LogFilesRequest, to *query.Handed) error {
	return c.StreamFiles(ctx, "LogFiles", q, func(p json.RawMessage, files []int) error {
		var f control.LogFile
		if err := json.Unmarshal(p, &f); err != nil || len(files) != 2 {
			closeAll(files)
			return err
		}
		to.Add(f.App, f.Number, f.Compressed, files[0], files[1])
		return nil
	})
}

func closeAll(files []int) {
	for _, fd := range files {
		unix.Close(fd)
	}
}

// resolve says what words mean. goinit knows that, and of what it does not know any more (an app that was removed, a worker that
// was scaled away) the store may have kept something.
func resolve(ctx context.Context, c *control.Client, store *query.Store, words []string) ([]query.Target, error) {
	var targets []query.Target
	for _, word := range words {
		if word == "all" {
			return nil, nil
		}
		t, ok := targetOf(word)
		if ok && t.Slot == query.WholeApp && store.Has(t) {
			targets = append(targets, t)
			continue
		}
		var r control.PsReply
		err := c.Call(ctx, "Ps", control.PsRequest{Targets: []string{word}}, &r)
		switch {
		case err == nil && ok:
			targets = append(targets, t)
		case err == nil:
			targets = append(targets, meant(word, r.Workers)...)
		case ok && statusOf(err) == exitNoTarget && store.Has(t):
			targets = append(targets, t)
		default:
			return nil, err
		}
	}
	return targets, nil
}

// meant are what a tag or a pid stands for: a tag for all that its apps ever wrote, a pid for its worker.
func meant(word string, workers []control.Worker) (targets []query.Target) {
	for _, w := range workers {
		t := query.Target{App: w.App, Slot: query.WholeApp}
		if !strings.HasPrefix(word, "@") && w.Slot != nil {
			t.Slot = *w.Slot
		}
		targets = append(targets, t)
	}
	return targets
}

// askRing takes what a goinit has in memory for a store; with -f it is asked later.
func (l *logsQuery) askRing(ctx context.Context, c *control.Client, name string, src *logSources) error {
	in := control.LogsRequest{Targets: l.targets, Stream: l.flags.stream, Follow: l.flags.follow}
	if !l.query.Since.IsZero() {
		in.Since = &l.query.Since
	}
	if !l.query.Until.IsZero() {
		in.Until = &l.query.Until
	}
	if l.last >= 0 && (l.query.Match == nil || l.flags.follow) { // else it is the last of those that match
		in.Tail = &l.last
	}
	if l.flags.follow {
		src.rings = append(src.rings, ring{c, name, in})
		return nil
	}
	var lines []query.Line
	err := c.Stream(ctx, "Logs", in, func(p json.RawMessage) error {
		var r control.LogsReply
		if err := json.Unmarshal(p, &r); err != nil {
			return err
		}
		if r.Line != nil {
			lines = append(lines, lineOf(name, r.Line))
		}
		return nil
	})
	src.stores = append(src.stores, query.NewMemory(name, lines))
	return err
}

func lineOf(instance string, l *control.LogLine) query.Line {
	line := query.Line{
		Store: instance, App: l.App, Slot: query.Unknown, At: l.At.UnixNano(), Text: []byte(l.Line),
		Stderr: l.Stream == "stderr", Partial: l.Partial,
	}
	if l.Slot != nil {
		line.Slot = *l.Slot
	}
	return line
}
