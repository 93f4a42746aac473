package ctl

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"goinit/control"
)

// logsFlags are the flags of logs.
type logsFlags struct {
	follow, times              bool
	tail, since, until, stream string
	grep                       string
}

func logsVerb(s *session) *cobra.Command {
	var f logsFlags
	verb := &cobra.Command{
		Use:   "logs [TARGET...]",
		Short: "what workers wrote",
		RunE: func(c *cobra.Command, args []string) error {
			in, filter, err := s.logsRequest(args, f)
			if err != nil {
				return err
			}
			format, err := s.format("table")
			if err != nil {
				return err
			}
			p := linePrinter{s: s, times: f.times, json: format == "json" || format == "yaml", prefix: !ofOneWorker(args)}
			return filter.run(func(each func(string, control.LogLine) error) error {
				return follow(c.Context(), s, f.follow, "Logs", in, func(instance string, r control.LogsReply) error {
					if r.Line == nil {
						return nil
					}
					return each(instance, *r.Line)
				})
			}, p.print)
		},
	}
	verb.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on with what is being written")
	verb.Flags().StringVarP(&f.tail, "tail", "n", "", "the last N lines, or all (default: all, with -f 10)")
	verb.Flags().BoolVarP(&f.times, "timestamps", "t", false, "with the time of each line")
	verb.Flags().StringVar(&f.since, "since", "", "from then on: a time, or how long ago (10m)")
	verb.Flags().StringVar(&f.until, "until", "", "up to then")
	verb.Flags().StringVar(&f.stream, "stream", "", "stdout or stderr only")
	verb.Flags().StringVar(&f.grep, "grep", "", "lines that match this regular expression (RE2)")
	return s.completeTargets(verb)
}

func ofOneWorker(args []string) bool {
	if len(args) != 1 {
		return false
	}
	_, err := strconv.Atoi(args[0])
	return err == nil || strings.Contains(args[0], "/")
}

func (s *session) logsRequest(args []string, f logsFlags) (in control.LogsRequest, filter lineFilter, err error) {
	in = control.LogsRequest{Targets: args, Stream: f.stream, Follow: f.follow}
	if in.Since, err = s.instant("since", f.since); err != nil {
		return in, filter, err
	}
	if in.Until, err = s.instant("until", f.until); err != nil {
		return in, filter, err
	}
	if f.stream != "" && f.stream != "stdout" && f.stream != "stderr" {
		return in, filter, fmt.Errorf("--stream %s: it is stdout or stderr", f.stream)
	}
	if f.tail == "" && f.follow && in.Since == nil {
		f.tail = "10"
	}
	if f.tail != "" && f.tail != "all" {
		n, err := strconv.Atoi(f.tail)
		if err != nil || n < 0 {
			return in, filter, fmt.Errorf("-n %s: it is a number of lines, or all", f.tail)
		}
		in.Tail = &n
	}
	if f.grep != "" {
		re, err := regexp.Compile(f.grep)
		if err != nil {
			return in, filter, fmt.Errorf("--grep: %v", err)
		}
		filter.match = re
		if in.Tail != nil && !f.follow { // the last N of those that match: counted here
			filter.last, in.Tail = in.Tail, nil
		}
	}
	return in, filter, nil
}

// lineFilter does what the store does not do yet.
type lineFilter struct {
	match *regexp.Regexp
	last  *int
}

func (f lineFilter) run(read func(func(string, control.LogLine) error) error, print func(string, control.LogLine) error) error {
	type kept struct {
		instance string
		line     control.LogLine
	}
	var ring []kept
	err := read(func(instance string, l control.LogLine) error {
		switch {
		case f.match != nil && !f.match.MatchString(l.Line):
			return nil
		case f.last == nil:
			return print(instance, l)
		}
		ring = append(ring, kept{instance, l})
		if len(ring) > *f.last {
			ring = ring[1:]
		}
		return nil
	})
	for _, k := range ring {
		if err == nil {
			err = print(k.instance, k.line)
		}
	}
	return err
}

// linePrinter prints lines as they come, in front of each where it is from, if it can be from several.
type linePrinter struct {
	s                   *session
	times, json, prefix bool
	width               int
}

func (p *linePrinter) print(instance string, l control.LogLine) error {
	if p.json {
		l.Instance = instance
		return p.s.object(l)
	}
	var b strings.Builder
	if p.times {
		b.WriteString(l.At.Format("2006-01-02T15:04:05.000Z07:00 "))
	}
	if p.prefix {
		name := l.App
		if l.Worker != nil {
			name = *l.Worker
		}
		if instance != "" {
			name = instance + ":" + name
		}
		p.width = max(p.width, len(name))
		fmt.Fprintf(&b, "%-*s | ", p.width, name)
	}
	b.WriteString(l.Line)
	b.WriteByte('\n')
	return p.s.print(b.String())
}
