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
