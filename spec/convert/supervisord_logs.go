package convert

import (
	"slices"
	"strconv"
	"strings"

	"goinit/spec"
)

// logs: what went to supervisord's own stdout goes to goinit's by itself; what went to files goes to the log store.
func (p *program) logs() error {
	redirect, _, err := p.truth("redirect_stderr", false)
	if err != nil {
		return err
	}
	if redirect {
		p.tell("redirect_stderr=true: both streams go to the log, each line knows which")
	}
	out, _, err := p.get("stdout_logfile")
	if err != nil {
		return err
	}
	errOut, _, err := p.get("stderr_logfile")
	if err != nil {
		return err
	}
	if redirect {
		errOut = out
	}
	if isNone(out) && isNone(errOut) {
		p.set("logs.console", "off", "stdout_logfile")
	} else {
		p.logFile("stdout", out)
		if !redirect {
			p.logFile("stderr", errOut)
		}
	}
	if err := p.rotation(isFile(out), isFile(errOut)); err != nil {
		return err
	}
	for _, stream := range []string{"stdout", "stderr"} {
		for _, o := range []struct{ name, why string }{
			{"_capture_maxbytes", "there is no capture mode"},
			{"_events_enabled", "goinit ctl logs -f -o json has every line"},
			{"_syslog", "goinit has no syslog: its stdout goes where the container's does"},
		} {
			if value, opt, err := p.get(stream + o.name); err != nil {
				return err
			} else if opt != nil && !slices.Contains(append([]string{"0"}, falsehoods...), strings.ToLower(value)) {
				p.tell("%s%s=%s: %s", stream, o.name, notation(value), o.why)
			}
		}
	}
	return nil
}

func isNone(name string) bool { return slices.Contains([]string{"none", "off"}, strings.ToLower(name)) }

// isFile: neither goinit's own stdout and stderr, nor supervisord's choice.
func isFile(name string) bool {
	switch name {
	case "", "/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/2", "/proc/1/fd/1", "/proc/1/fd/2", "/proc/self/fd/1", "/proc/self/fd/2":
		return false
	}
	return !isNone(name) && strings.ToLower(name) != "auto"
}

func (p *program) logFile(stream, name string) {
	switch {
	case isNone(name):
		p.tell("%s_logfile=%s: both streams go to the log", stream, name)
	case strings.ToLower(name) == "syslog":
		p.tell("%s_logfile=syslog: goinit has no syslog: its stdout goes where the container's does", stream)
	case isFile(name):
		p.tell("%s_logfile=%s: output goes to goinit's own and to the log store: goinit ctl logs %s", stream, p.shown(name), p.name)
	}
}

// shown is a value as it was written, for a comment.
func (p *program) shown(value string) string { return p.slots.number(notation(value), 0) }

// rotation maps the sizes of a file, stdout's first, as both streams share one here.
func (p *program) rotation(files ...bool) error {
	for i, stream := range []string{"stdout", "stderr"} {
		size, o, err := p.get(stream + "_logfile_maxbytes")
		if err != nil {
			return err
		}
		if o != nil && files[i] {
			if err := p.maxBytes(stream, size, o); err != nil {
				return err
			}
		}
		backups, o, err := p.number(stream+"_logfile_backups", 10)
		if err != nil {
			return err
		}
		if o == nil || !files[i] {
			continue
		}
		if l := p.find("logs.max_files"); l != nil && l.value != backups+1 {
			p.tell("%s_logfile_backups=%d: both streams share their files", stream, backups)
		} else if l == nil && backups >= 0 {
			p.set("logs.max_files", backups+1, o.name)
		}
	}
	return nil
}

func (p *program) maxBytes(stream, size string, o *iniOption) error {
	if p.isVariable(o.name, size) {
		return nil
	}
	n, ok := byteSize(size)
	if !ok {
		return o.at.mistake("%s: %q is no size", o.name, clip(notation(size)))
	}
	if n == 0 {
		p.tell("%s_logfile_maxbytes=0: the log store is bounded always", stream)
		return nil
	}
	text := spec.Size(n).String()
	if l := p.find("logs.max_size"); l != nil && l.value != text {
		p.tell("%s_logfile_maxbytes=%s: both streams share their files", stream, size)
	} else if l == nil {
		p.set("logs.max_size", text, o.name)
	}
	return nil
}

// byteSize reads supervisor's 50MB, which are 50 MiB.
func byteSize(s string) (int64, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	unit := int64(1)
	for _, u := range []struct {
		name string
		size int64
	}{{"kb", 1 << 10}, {"mb", 1 << 20}, {"gb", 1 << 30}} {
		if number, ok := strings.CutSuffix(s, u.name); ok {
			s, unit = strings.TrimSpace(number), u.size
		}
	}
	n, err := strconv.ParseInt(s, 10, 40)
	return n * unit, err == nil && n >= 0 && n < 1<<40/unit
}
