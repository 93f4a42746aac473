package ctl

import (
	"context"
	"errors"
	"fmt"
	"time"

	"goinit/control"
	"goinit/ctl/human"
	"goinit/logs/query"
	"goinit/spec"
)

// vacuum has old logs removed, by the goinit that writes them: nobody else knows what is in use.
func (s *session) vacuum(ctx context.Context, words []string, f logsFlags) error {
	in, err := vacuumRequest(words, f)
	if err != nil {
		return err
	}
	ctx, cancel := s.context(ctx)
	defer cancel()
	answers, err := s.askVacuum(ctx, in)
	if err != nil {
		return err
	}
	for _, a := range answers {
		name := ""
		if a.instance != "" {
			name = a.instance + ": "
		}
		if s.output == "json" || s.output == "yaml" {
			err = s.object(a.value)
		} else {
			err = s.print(fmt.Sprintf("%sremoved %s, %sB; %sB left\n", name, human.Plural(a.value.Removed, "segment"), human.Bytes(a.value.Freed), human.Bytes(a.value.Bytes)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// askVacuum says on a terminal that it takes its time, where it does. There is nothing to count: goinit answers at the end.
func (s *session) askVacuum(ctx context.Context, in control.LogVacuumRequest) ([]answer[control.LogVacuumReply], error) {
	const quiet = time.Second / 2
	far := newProgress(s.world, quiet)
	defer far.end()
	if far.live() {
		far.show("removing old logs")
	}
	return ask[control.LogVacuumReply](ctx, s, "LogVacuum", in)
}

func vacuumRequest(words []string, f logsFlags) (in control.LogVacuumRequest, err error) {
	if f.maxTotal == "" && f.maxAge == "" {
		return in, errors.New("--vacuum: say what may be left: --max-total 64MiB, --max-age 7d, or both")
	}
	if f.directory != "" {
		return in, errors.New("--vacuum is done by the goinit that writes the logs: not with --directory")
	}
	if f.maxTotal != "" {
		size, err := spec.ParseSize(f.maxTotal)
		if err != nil {
			return in, fmt.Errorf("--max-total: %v", err)
		}
		n := int64(size)
		in.MaxBytes = &n
	}
	if f.maxAge != "" {
		d, ok := ago(f.maxAge)
		if !ok || d == 0 {
			return in, fmt.Errorf("--max-age %s: it is an age (12h, 7d)", f.maxAge)
		}
		seconds := d.Seconds()
		in.MaxAgeSeconds = &seconds
	}
	for _, word := range words {
		t, ok := targetOf(word)
		switch {
		case word == "all":
			in.Apps = nil
			return in, nil
		case !ok || t.Slot != query.WholeApp:
			return in, fmt.Errorf("--vacuum %s: what is kept is kept by app (web)", word)
		}
		in.Apps = append(in.Apps, t.App)
	}
	return in, nil
}
