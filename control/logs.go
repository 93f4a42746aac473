package control

import "time"

// LogLine is one line that a worker wrote.
type LogLine struct {
	Instance string    `json:"instance,omitempty"`
	At       time.Time `json:"at"`
	App      string    `json:"app"`
	Slot     *int      `json:"slot"`
	Worker   *string   `json:"worker"`
	Stream   string    `json:"stream"`  // stdout, stderr
	Line     string    `json:"line"`    // without its newline; what is no UTF-8 is replaced
	Partial  bool      `json:"partial"` // the line goes on in the next
}

// LogsQuery says which lines.
type LogsQuery struct {
	Targets []Target // none: all
	Tail    int      // the last so many of those; -1: all that are kept
	Since   time.Time
	Until   time.Time
	Stream  string // stdout, stderr; empty: both
	Follow  bool
}

// LogsRequest asks for lines; each comes in an answer of its own.
type LogsRequest struct {
	Targets []string   `json:"targets,omitempty"` // none: all
	Tail    *int       `json:"tail,omitempty"`    // the last so many; absent: all that are kept
	Since   *time.Time `json:"since,omitempty"`
	Until   *time.Time `json:"until,omitempty"`
	Stream  string     `json:"stream,omitempty"` // stdout, stderr; absent: both
	Follow  bool       `json:"follow,omitempty"`
}

// LogsReply is one line; the last answer of all has none.
type LogsReply struct {
	Line *LogLine `json:"line,omitempty"`
}

func logs(c *call, r LogsRequest) error {
	q := LogsQuery{Tail: -1, Stream: r.Stream, Follow: r.Follow}
	var err error
	if q.Targets, err = c.server.supervisor.Snapshot().targets(r.Targets); err != nil {
		return err
	}
	switch {
	case r.Stream != "" && r.Stream != "stdout" && r.Stream != "stderr":
		return invalid("stream", "stream: %q is neither stdout nor stderr", clip(r.Stream))
	case r.Tail != nil && *r.Tail < 0:
		return invalid("tail", "tail: %d is less than none", *r.Tail)
	case r.Tail != nil:
		q.Tail = *r.Tail
	}
	if r.Since != nil {
		q.Since = *r.Since
	}
	if r.Until != nil {
		q.Until = *r.Until
	}
	err = c.server.supervisor.Logs(c.ctx, q, func(l LogLine) error { return c.more(LogsReply{&l}) })
	if err != nil {
		return err
	}
	return c.reply(LogsReply{})
}
