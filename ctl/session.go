package ctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"goinit/control"
)

// session is one run of goinit ctl: its flags, and which goinits it talks to.
type session struct {
	*world
	name    string
	socket  string
	all     bool
	output  string
	timeout time.Duration
	noWait  bool
}

func (s *session) flags(f *pflag.FlagSet) {
	f.StringVarP(&s.name, "instance", "N", "", "the goinit of this name")
	f.StringVar(&s.socket, "socket", "", "the goinit at this socket")
	f.BoolVarP(&s.all, "all-instances", "A", false, "all goinits of this user")
	f.StringVarP(&s.output, "output", "o", "", "table, wide, json or yaml")
	f.DurationVar(&s.timeout, "timeout", 0, "how long to wait for the outcome")
	f.BoolVar(&s.noWait, "no-wait", false, "do not wait for the outcome")
}

// question is how long goinit may take for what it answers at once.
const question = 10 * time.Second

// context bounds a call that is answered at once.
func (s *session) context(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.timeout > 0 {
		return context.WithTimeout(ctx, s.timeout)
	}
	return context.WithTimeout(ctx, question)
}

// patience bounds one that waits for an outcome: goinit knows the time and says what was done in it, so it is given a
// little more here.
func (s *session) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.timeout > 0 {
		return context.WithTimeout(ctx, s.timeout+time.Second)
	}
	return context.WithCancel(ctx)
}

// seconds is the timeout as the protocol has it.
func (s *session) seconds() float64 { return s.timeout.Seconds() }

// instances are the goinits that are asked: the one of --socket or -N; all; that of this working directory; the only one.
func (s *session) instances() ([]control.Instance, error) {
	if s.socket != "" {
		return []control.Instance{{Socket: s.socket}}, nil
	}
	found := control.Instances(s.getenv)
	if s.name != "" {
		found = slices.DeleteFunc(found, func(i control.Instance) bool { return i.Name != s.name })
		if len(found) == 0 {
			return nil, exit{exitNoAnswer, fmt.Errorf("no goinit named %q runs here", s.name)}
		}
		return found[:1], nil
	}
	switch {
	case len(found) == 0:
		return nil, exit{exitNoAnswer, errors.New("no goinit answers here\n  start one: goinit run      one that listens elsewhere: --socket PATH")}
	case s.all || len(found) == 1:
		return found, nil
	}
	if dir, err := os.Getwd(); err == nil {
		here := slices.DeleteFunc(slices.Clone(found), func(i control.Instance) bool { return i.WorkingDir != dir })
		if len(here) == 1 {
			return here, nil
		}
	}
	var b strings.Builder
	for _, i := range found {
		fmt.Fprintf(&b, "\n  -N %s  (pid %d, in %s)", i.Name, i.PID, i.WorkingDir)
	}
	return nil, exit{exitUsage, fmt.Errorf("%d goinits run here; which one? or -A for all%s", len(found), b.String())}
}

// one is for what makes no sense with several.
func (s *session) one(verb string) (*control.Client, error) {
	if s.all {
		return nil, fmt.Errorf("%s is for one goinit: not with -A", verb)
	}
	found, err := s.instances()
	if err != nil {
		return nil, err
	}
	return dial(found[0])
}

func dial(i control.Instance) (*control.Client, error) {
	c, err := control.Dial(i.Socket)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOTSOCK) {
		return nil, exit{exitNoAnswer, fmt.Errorf("no goinit answers at %s: %w", filepath.Clean(i.Socket), err)}
	}
	return c, err
}

// answer is what one goinit said.
type answer[T any] struct {
	instance string // with -A; else empty
	value    T
}

// ask calls a method of all goinits that are meant, in parallel. With -A it is enough that one knows the target, and there may be
// answers of some beside the error of others.
func ask[T any](ctx context.Context, s *session, method string, in any) ([]answer[T], error) {
	found, err := s.instances()
	if err != nil {
		return nil, err
	}
	values, errs := make([]answer[T], len(found)), make([]error, len(found))
	var wg sync.WaitGroup
	for i, in1 := range found {
		wg.Go(func() {
			c, err := dial(in1)
			if err == nil {
				defer c.Close()
				err = c.Call(ctx, method, in, &values[i].value)
			}
			if s.all {
				values[i].instance = in1.Name
			}
			errs[i] = err
		})
	}
	wg.Wait()
	return settle(s.all, values, errs)
}

// settle keeps what was answered, and of the errors the one that matters.
func settle[T any](all bool, values []answer[T], errs []error) ([]answer[T], error) {
	var good []answer[T]
	var worst error
	for i, err := range errs {
		switch status := statusOf(err); {
		case err == nil:
			good = append(good, values[i])
		case worst == nil || statusOf(worst) == exitNoTarget || statusOf(worst) == exitNoAnswer && status != exitNoTarget:
			worst = err
		}
	}
	if all && len(good) > 0 && (statusOf(worst) == exitNoTarget || statusOf(worst) == exitNoAnswer) {
		worst = nil
	}
	if all && worst != nil {
		worst = byInstance(values, errs, worst)
	}
	return good, worst
}

// several are the errors of several goinits. The status is that of the one that matters most.
type several struct {
	worst error
	each  []instanceError
}

type instanceError struct {
	instance string
	err      error
}

func (s several) Error() string { return s.worst.Error() }
func (s several) Unwrap() error { return s.worst }

// byInstance says whose errors they are, but for those that only do not know the target.
func byInstance[T any](values []answer[T], errs []error, worst error) error {
	s := several{worst: worst}
	for i, err := range errs {
		if err != nil && statusOf(err) != exitNoTarget {
			s.each = append(s.each, instanceError{values[i].instance, err})
		}
	}
	if len(s.each) == 0 {
		return worst
	}
	return s
}

// follow reads the streams of all goinits that are meant, until each ends: live ones at the same time, others one after
// the other. f is called by one at a time.
func follow[T any](ctx context.Context, s *session, live bool, method string, in any, f func(instance string, v T) error) error {
	found, err := s.instances()
	if err != nil {
		return err
	}
	if live {
		ctx = untilUnread(ctx, s.files[1])
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	names, errs := make([]answer[T], len(found)), make([]error, len(found))
	for i, in1 := range found {
		names[i].instance = in1.Name
		if !live {
			wg.Wait()
		}
		wg.Go(func() {
			c, err := dial(in1)
			if err != nil {
				errs[i] = err
				return
			}
			defer c.Close()
			name := ""
			if s.all {
				name = in1.Name
			}
			errs[i] = c.Stream(ctx, method, in, func(p json.RawMessage) error {
				var v T
				if err := json.Unmarshal(p, &v); err != nil {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				return f(name, v)
			})
		})
	}
	wg.Wait()
	_, err = settle(s.all, names, errs)
	return unread(ctx, err)
}
