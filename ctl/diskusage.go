package ctl

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"goinit/control"
	"goinit/ctl/human"
	"goinit/logs/query"
)

// diskUsage tells how much the logs take.
func (s *session) diskUsage(ctx context.Context, words []string, f logsFlags) error {
	answers, err := s.usages(ctx, f)
	if err != nil {
		return err
	}
	stores := make([]storeUsage, len(answers))
	for i, a := range answers {
		stores[i] = storeUsage{a.instance, a.value}
		if len(words) > 0 && !slices.Contains(words, "all") {
			stores[i].Apps = slices.DeleteFunc(a.value.Apps, func(u control.LogSize) bool { return !slices.Contains(words, u.App) })
		}
	}
	return list(s, "table", stores, func(bool) error {
		for i, u := range stores {
			if i > 0 {
				_ = s.print("\n")
			}
			if err := s.usage(u); err != nil {
				return err
			}
		}
		return nil
	})
}

// storeUsage is a store in JSON.
type storeUsage struct {
	Instance string `json:"instance,omitempty"`
	control.LogStoreReply
}

func (s *session) usages(ctx context.Context, f logsFlags) ([]answer[control.LogStoreReply], error) {
	dir := f.directory
	if dir == "" {
		ctx, cancel := s.context(ctx)
		defer cancel()
		answers, err := ask[control.LogStoreReply](ctx, s, "LogStore", control.LogStoreRequest{})
		if statusOf(err) != exitNoAnswer || s.name != "" {
			return answers, err
		}
		if dir = s.leftBehind(); dir == "" {
			return nil, err
		}
	}
	store, err := query.Open(dir)
	if err != nil {
		return nil, failed("cannot read logs: %w", err)
	}
	r := control.LogStoreReply{Place: "disk", Directory: dir}
	for _, u := range store.Usage() {
		if u.Segments == 0 { // perhaps the directory of another goinit
			continue
		}
		r.Apps = append(r.Apps, control.LogSize{App: u.App, Bytes: u.Bytes, Segments: u.Segments})
		r.Bytes += u.Bytes
	}
	return []answer[control.LogStoreReply]{{value: r}}, nil
}

func (s *session) usage(u storeUsage) error {
	where := u.Directory
	if u.Place != "disk" {
		where = u.Place
	}
	if u.Instance != "" {
		where = u.Instance + ": " + where
	}
	much := human.Bytes(u.Bytes) + "B"
	if u.MaxTotal > 0 {
		much += " of " + human.Bytes(u.MaxTotal) + "B"
	}
	if u.Stuck {
		much = "the disk does not answer"
	}
	if u.Waiting > 0 {
		much += ", and " + human.Bytes(u.Waiting) + "B in memory that cannot be written now"
	}
	if err := s.print(fmt.Sprintf("%s: %s\n", where, much)); err != nil || len(u.Apps) == 0 {
		return err
	}
	t := s.table(false, "APP", "SEGMENTS", "BYTES", "LINES LOST")
	for _, a := range u.Apps {
		lost := ""
		if a.Lost > 0 {
			lost = strconv.FormatUint(a.Lost, 10)
		}
		t.add(human.Printable(a.App), strconv.Itoa(a.Segments), human.Bytes(a.Bytes), lost)
	}
	return t.print(s.stdout)
}
