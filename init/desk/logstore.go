package desk

import (
	"context"
	"slices"
	"time"

	"goinit/control"
	"goinit/logs/store"
)

// patience is how long a client waits for a disk that does not answer, and glance for what is known without it: less than a client of
// ours waits for the whole.
const (
	patience = 10 * time.Second
	glance   = 4 * time.Second
)

// LogStore says what is kept.
func (d *Desk) LogStore(ctx context.Context, wantDirectory bool) (control.LogStoreReply, int, error) {
	if d.Store == nil {
		return control.LogStoreReply{Place: "off", Why: "log_store.directory is off", Apps: []control.LogSize{}}, -1, nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	quick, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	u, err := d.Store.Usage(quick)
	if err != nil {
		return control.LogStoreReply{}, -1, noStore(err)
	}
	r := control.LogStoreReply{Place: "memory", Directory: u.Directory, Why: u.Why, Bytes: u.Bytes, MaxTotal: u.MaxTotal, Waiting: u.Waiting, Stuck: u.Stuck,
		Lost: d.Store.Counts().Lost + d.Store.Counts().Limited, Apps: []control.LogSize{}}
	for _, a := range u.Apps {
		r.Apps = append(r.Apps, control.LogSize{App: a.App, Bytes: a.Bytes, Segments: a.Segments, Lost: a.Lost})
	}
	directory := -1
	if u.Directory != "" {
		r.Place = "disk"
		if wantDirectory {
			if directory, err = d.Store.Directory(ctx); err != nil {
				return r, -1, noStore(err)
			}
		}
	}
	return r, directory, nil
}

// noStore says that the store does not answer, and why.
func noStore(err error) error {
	return control.Errorf(control.Failure, "the log store does not answer: %v", err)
}

// LogFiles hands the segments over.
func (d *Desk) LogFiles(ctx context.Context, q control.LogFilesRequest, send func(f control.LogFile, data, index int) error) error {
	if d.Store == nil {
		return control.Errorf(control.Failure, "no logs are kept: log_store.directory is off")
	}
	if q.Waiting {
		return d.sendWaiting(ctx, q.Apps, send)
	}
	begun, stop := d.Store.Watch()
	defer stop()
	sent := map[string]int{} // by app, the last number
	for {
		apps := q.Apps
		if len(apps) == 0 {
			var err error
			if apps, err = d.Store.Apps(ctx); err != nil {
				return noStore(err)
			}
		}
		for _, app := range apps {
			if err := d.sendApp(ctx, app, sent, send); err != nil {
				return err
			}
		}
		if !q.Follow {
			return nil
		}
		select {
		case <-begun:
		case <-ctx.Done():
			return nil
		}
	}
}

func (d *Desk) sendWaiting(ctx context.Context, apps []string, send func(f control.LogFile, data, index int) error) error {
	files, err := d.Store.Waiting(ctx)
	if err != nil {
		return noStore(err)
	}
	defer store.CloseFiles(files)
	for _, f := range files {
		if len(apps) > 0 && !slices.Contains(apps, f.App) {
			continue
		}
		if err := send(control.LogFile{App: f.App, Number: f.Number}, f.Data, f.Index); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) sendApp(ctx context.Context, app string, sent map[string]int, send func(f control.LogFile, data, index int) error) error {
	files, err := d.Store.Files(ctx, app, sent[app])
	if err != nil {
		return noStore(err)
	}
	defer store.CloseFiles(files)
	for _, f := range files {
		if err := send(control.LogFile{App: f.App, Number: f.Number, Open: f.Open, Compressed: f.Compressed}, f.Data, f.Index); err != nil {
			return err
		}
		sent[app] = f.Number
	}
	return nil
}

// Vacuum removes the oldest.
func (d *Desk) Vacuum(ctx context.Context, r control.LogVacuumRequest) (out control.LogVacuumReply, err error) {
	if d.Store == nil {
		return out, nil
	}
	bytes, age := int64(-1), time.Duration(0)
	if r.MaxBytes != nil {
		bytes = *r.MaxBytes
	}
	if r.MaxAgeSeconds != nil {
		age = time.Duration(*r.MaxAgeSeconds * float64(time.Second))
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if out.Removed, out.Freed, err = d.Store.Vacuum(ctx, r.Apps, bytes, age); err != nil {
		return out, noStore(err)
	}
	u, err := d.Store.Usage(ctx)
	if err != nil {
		return out, noStore(err)
	}
	out.Bytes = u.Bytes
	return out, nil
}
