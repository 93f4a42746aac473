package ctl

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"goinit/logs/query"
)

// logsFlags are the flags of logs.
type logsFlags struct {
	follow, times, reverse, count, usage, noPager bool
	tail, since, until, stream                    string
	grep                                          string
	ignoreCase, invert                            bool
	after, before, around                         int
	histogram                                     time.Duration
	directory                                     string
	vacuum                                        bool
	maxTotal, maxAge                              string
}

func logsVerb(s *session) *cobra.Command {
	var f logsFlags
	verb := &cobra.Command{
		Use:   "logs [TARGET...]",
		Short: "what workers wrote",
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case f.usage:
				return s.diskUsage(c.Context(), args, f)
			case f.vacuum:
				return s.vacuum(c.Context(), args, f)
			}
			q, err := s.logsQuery(c, args, f)
			if err != nil {
				return err
			}
			return q.run(c.Context())
		},
	}
	flags := verb.Flags()
	flags.BoolVarP(&f.follow, "follow", "f", false, "go on with what is being written")
	flags.StringVarP(&f.tail, "tail", "n", "", "the last N lines, or all (default: all, with -f 10)")
	flags.BoolVarP(&f.times, "timestamps", "t", false, "with the time of each line")
	flags.StringVar(&f.since, "since", "", "from then on: a time, 08:00, yesterday, or how long ago (10m)")
	flags.StringVar(&f.until, "until", "", "up to then")
	flags.StringVar(&f.stream, "stream", "", "stdout or stderr only")
	flags.StringVar(&f.grep, "grep", "", "lines that match this regular expression (RE2)")
	flags.BoolVarP(&f.ignoreCase, "ignore-case", "i", false, "--grep: upper or lower case, all the same")
	flags.BoolVarP(&f.invert, "invert-match", "v", false, "--grep: the lines that do not match")
	flags.IntVar(&f.after, "after-context", 0, "--grep: and so many lines of the app after each; -A N")
	flags.IntVarP(&f.before, "before-context", "B", 0, "--grep: and so many lines of the app before each")
	flags.IntVarP(&f.around, "context", "C", 0, "--grep: both")
	flags.BoolVar(&f.reverse, "reverse", false, "the newest first")
	flags.BoolVar(&f.count, "count", false, "only how many lines there are")
	flags.DurationVar(&f.histogram, "histogram", 0, "only how many lines there are in each so much time (1m)")
	flags.BoolVar(&f.noPager, "no-pager", false, "no pager on a terminal ($PAGER, else less)")
	flags.StringVar(&f.directory, "directory", "", "the logs in this directory, whether a goinit runs or not")
	flags.BoolVar(&f.usage, "disk-usage", false, "how much the logs take")
	flags.BoolVar(&f.vacuum, "vacuum", false, "remove the oldest logs, as --max-total and --max-age say")
	flags.StringVar(&f.maxTotal, "max-total", "", "--vacuum: until all take no more than this (64MiB)")
	flags.StringVar(&f.maxAge, "max-age", "", "--vacuum: those older than this (7d)")
	_ = verb.RegisterFlagCompletionFunc("stream", cobra.FixedCompletions([]string{"stdout", "stderr"}, cobra.ShellCompDirectiveNoFileComp))
	_ = verb.MarkFlagDirname("directory")
	return s.completeTargets(verb)
}

// logsQuery is one run of logs: its flags, checked.
type logsQuery struct {
	s       *session
	flags   logsFlags
	targets []string
	query   query.Query
	last    int // lines; negative: all
	format  string
	warned  bool
	warning string // the last
}

func (s *session) logsQuery(c *cobra.Command, args []string, f logsFlags) (*logsQuery, error) {
	l := &logsQuery{s: s, flags: f, targets: args, last: -1}
	l.query.Warn = l.warn
	var err error
	for _, bound := range []struct {
		flag, text string
		to         *time.Time
	}{{"since", f.since, &l.query.Since}, {"until", f.until, &l.query.Until}} {
		t, err := s.instant(bound.flag, bound.text)
		if err != nil {
			return nil, err
		}
		if t != nil {
			*bound.to = *t
		}
	}
	streams := map[string]query.Stream{"": query.Both, "stdout": query.Stdout, "stderr": query.Stderr}
	var ok bool
	if l.query.Stream, ok = streams[f.stream]; !ok {
		return nil, fmt.Errorf("--stream %s: it is stdout or stderr", f.stream)
	}
	if l.last, err = lastLines(f); err != nil {
		return nil, err
	}
	if err := l.pattern(); err != nil {
		return nil, err
	}
	switch {
	case f.follow && (f.reverse || f.count || f.histogram != 0):
		return nil, errors.New("-f goes on for ever: not with --reverse, --count or --histogram")
	case f.histogram < 0, c.Flags().Changed("histogram") && f.histogram < time.Second:
		return nil, fmt.Errorf("--histogram %v: it is a second at least (1m)", f.histogram)
	case f.maxTotal != "" || f.maxAge != "":
		return nil, errors.New("--max-total and --max-age say what --vacuum leaves")
	case s.all && f.directory != "":
		return nil, errors.New("--directory is one directory: not with -A")
	}
	formats := map[string]string{"": "short", "short": "short", "table": "short", "wide": "short", "raw": "raw", "json": "json", "yaml": "json", "cri": "cri"}
	if l.format, ok = formats[s.output]; !ok {
		return nil, fmt.Errorf("-o %s: it is short, raw, json or cri", s.output)
	}
	return l, nil
}

func lastLines(f logsFlags) (int, error) {
	switch {
	case f.tail == "all":
		return -1, nil
	case f.tail == "" && f.follow && f.since == "":
		return 10, nil
	case f.tail == "":
		return -1, nil
	}
	n, err := strconv.Atoi(f.tail)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("-n %s: it is a number of lines, or all", f.tail)
	}
	return n, nil
}

// pattern reads --grep and what belongs to it.
func (l *logsQuery) pattern() error {
	f := l.flags
	if f.grep == "" {
		if f.ignoreCase || f.invert || f.after != 0 || f.before != 0 || f.around != 0 {
			return errors.New("-i, -v, -A, -B and -C are about --grep: give it an expression")
		}
		return nil
	}
	var err error
	if l.query.Match, err = query.Compile(f.grep, f.ignoreCase); err != nil {
		return fmt.Errorf("--grep: %v", err)
	}
	if f.after < 0 || f.before < 0 || f.around < 0 {
		return errors.New("-A, -B and -C are numbers of lines")
	}
	l.query.Invert = f.invert
	l.query.Before, l.query.After = max(f.before, f.around), max(f.after, f.around)
	return nil
}

// warn tells what is missing in the answer. The rest is given all the same, and the status says so.
func (l *logsQuery) warn(err error) {
	text := err.Error()
	if text == l.warning { // -f meets it again and again
		return
	}
	l.warned, l.warning = true, text
	fmt.Fprintf(l.s.stderr, "goinit ctl: %v\n", err)
}

func (l *logsQuery) run(ctx context.Context) error {
	src, err := l.sources(ctx)
	if err != nil {
		return err
	}
	defer src.close()
	switch {
	case l.flags.count:
		err = l.count(src)
	case l.flags.histogram > 0:
		err = l.histogram(src)
	default:
		err = l.lines(ctx, src)
	}
	switch {
	case errors.Is(err, unix.EPIPE): // who reads has read enough
		return nil
	case err != nil:
		return err
	case l.warned:
		return exit{status: exitFailed}
	}
	return nil
}

// lines prints the lines that are asked for, and with -f goes on.
func (l *logsQuery) lines(ctx context.Context, src *logSources) error {
	out, done := l.output()
	p := &linePrinter{
		out: bufio.NewWriterSize(out, 64<<10), format: l.format, times: l.flags.times, prefix: !ofOneWorker(l.targets),
		screen: l.s.terminal, zone: l.s.now().Location(),
	}
	var err error
	if l.flags.follow {
		ctx = untilUnread(ctx, l.s.files[1])
		err = unread(ctx, src.follow(ctx, l, p))
	} else {
		err = l.history(src.stores, p)
	}
	if endErr := p.end(); err == nil {
		err = endErr
	}
	if doneErr := done(); err == nil {
		err = doneErr
	}
	return err
}

// history prints what is kept.
func (l *logsQuery) history(stores []*query.Store, p *linePrinter) (err error) {
	lines := query.Lines(&l.query, stores...)
	context := l.query.Before+l.query.After > 0
	switch {
	case l.last == 0:
		return nil
	case l.flags.reverse && !context:
		if lines = query.Backwards(&l.query, stores...); l.last > 0 {
			lines = upTo(l.last, lines)
		}
	case l.flags.reverse && l.last < 0:
		lines = inOrder(query.Last(&l.query, math.MaxInt, stores...), true)
	case l.last > 0:
		lines = inOrder(query.Last(&l.query, l.last, stores...), l.flags.reverse)
	}
	fault := query.Guarded(func() {
		for line := range lines {
			if err = p.print(line); err != nil {
				return
			}
		}
	})
	if fault != nil {
		l.warn(fault)
	}
	return err
}

// output is where lines go: on a terminal to a pager, if there is one and what is printed has an end.
func (l *logsQuery) output() (out io.Writer, done func() error) {
	if l.s.terminal && !l.flags.noPager && !l.flags.follow {
		if p := startPager(l.s.world); p != nil {
			return p, p.wait
		}
	}
	return l.s.stdout, func() error { return nil }
}

// ofOneWorker says that all lines are from one worker, so that none need tell whose it is.
func ofOneWorker(args []string) bool {
	if len(args) != 1 {
		return false
	}
	_, err := strconv.Atoi(args[0])
	return err == nil || strings.Contains(args[0], "/")
}
