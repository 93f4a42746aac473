// Package messages is goinit's own words in run mode: what happened, why, and then one line of remedy.
//
// It is logrus without the two levels that end a process: there is no Fatal and no Panic here, and logrus' own cannot be
// reached through it. The invariant: a message never blocks who says it and never fails. Where it goes is the writer's
// business, which is to queue it or to drop and count it (logs.Console.Messages); a writer that fails is not told of.
//
// Messages may be used from many goroutines. It is for PID 1 in run mode; command mode has two lines to say and a
// function for them.
package messages

import (
	"errors"
	"io"

	"github.com/sirupsen/logrus"
)

// Level is how much is said.
type Level int

const (
	Error Level = iota
	Warn
	Info
	Debug
)

// ParseLevel reads the spec's word; the empty one is Info.
func ParseLevel(s string) (Level, error) {
	switch s {
	case "error":
		return Error, nil
	case "warn":
		return Warn, nil
	case "", "info":
		return Info, nil
	case "debug":
		return Debug, nil
	}
	return Info, errors.New("unknown level " + s + ": error, warn, info or debug")
}

// Format is how it looks.
type Format int

const (
	Text Format = iota // goinit: what happened
	JSON               // {"at":…,"level":…,"message":…}, and the fields
)

// Fields are what a message is about, for programs: app, worker, pid. As text they are not shown, so the text has to say
// it too.
type Fields map[string]any

// Messages writes goinit's own lines.
type Messages struct{ logger *logrus.Logger }

// New makes Messages that write one entry a Write to w.
func New(w io.Writer, level Level, format Format) *Messages {
	l := logrus.New()
	l.Out = indifferent{w}
	l.ExitFunc = func(int) {} // nobody calls Fatal; if somebody ever does, PID 1 lives
	m := &Messages{l}
	m.SetLevel(level)
	m.SetFormat(format)
	return m
}

// indifferent hides a writer's errors: logrus would print them to os.Stderr, and might wait for it.
type indifferent struct{ io.Writer }

func (w indifferent) Write(b []byte) (int, error) {
	_, _ = w.Writer.Write(b)
	return len(b), nil
}

// SetLevel changes how much is said, when the spec is read again.
func (m *Messages) SetLevel(l Level) {
	m.logger.SetLevel([...]logrus.Level{logrus.ErrorLevel, logrus.WarnLevel, logrus.InfoLevel, logrus.DebugLevel}[min(max(l, Error), Debug)])
}

// SetFormat changes how it looks.
func (m *Messages) SetFormat(f Format) {
	if f == JSON {
		m.logger.SetFormatter(jsonFormat{})
	} else {
		m.logger.SetFormatter(textFormat{})
	}
}

// Enabled reports whether a message of a level would be said, where making it costs something.
func (m *Messages) Enabled(l Level) bool {
	return m.logger.IsLevelEnabled([...]logrus.Level{logrus.ErrorLevel, logrus.WarnLevel, logrus.InfoLevel, logrus.DebugLevel}[min(max(l, Error), Debug)])
}

// Copy has f given the text of each message of this level or a graver one, besides. It must not block, and is there from
// the start to the end.
func (m *Messages) Copy(l Level, f func(text string)) { m.logger.AddHook(copier{l, f}) }

type copier struct {
	level Level
	f     func(string)
}

func (c copier) Levels() []logrus.Level {
	return []logrus.Level{logrus.ErrorLevel, logrus.WarnLevel, logrus.InfoLevel, logrus.DebugLevel}[:c.level+1]
}

func (c copier) Fire(e *logrus.Entry) error {
	c.f(printable(clip(e.Message)))
	return nil
}

// Error says what failed and was not put right. fields may be nil, here and below.
func (m *Messages) Error(text string, fields Fields) { m.say(logrus.ErrorLevel, text, fields) }

// Warn says what is not as it should be; goinit goes on.
func (m *Messages) Warn(text string, fields Fields) { m.say(logrus.WarnLevel, text, fields) }

// Info says what happened.
func (m *Messages) Info(text string, fields Fields) { m.say(logrus.InfoLevel, text, fields) }

// Debug says why.
func (m *Messages) Debug(text string, fields Fields) { m.say(logrus.DebugLevel, text, fields) }

func (m *Messages) say(level logrus.Level, text string, fields Fields) {
	if m.logger.IsLevelEnabled(level) {
		m.logger.WithFields(logrus.Fields(fields)).Log(level, text)
	}
}
