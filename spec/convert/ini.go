package convert

import (
	"regexp"
	"strings"
)

// ini is a file of sections as Python's configparser reads it for supervisor: full-line comments with # and ;, comments behind a
// blank and ; or #, values that go on in indented lines, a section twice is one, an option twice is its last.
type ini struct {
	sections []*iniSection
	defaults *iniSection // [DEFAULT], which every section has
}

type iniSection struct {
	name    string
	at      iniPlace
	options []*iniOption
}

type iniOption struct {
	name, value string
	at          iniPlace
	here        string // what %(here)s is: the folder of its file
	inherited   bool   // it stands in [DEFAULT]
}

// iniPlace is a line, for what is wrong with it.
type iniPlace struct {
	file, text string
	line       int
}

func (p iniPlace) mistake(format string, args ...any) error {
	return mistake(p.file, p.text, p.line, 0, format, args...)
}

func (f *ini) section(name string) *iniSection {
	for _, s := range f.sections {
		if s.name == name {
			return s
		}
	}
	return nil
}

func (s *iniSection) option(name string) *iniOption {
	if s == nil {
		return nil
	}
	for _, o := range s.options {
		if o.name == name {
			return o
		}
	}
	return nil
}

var (
	iniHeader = regexp.MustCompile(`^\[([^]]+)\]`)
	iniValue  = regexp.MustCompile(`^(.*?)\s*[=:]\s*(.*)$`)
)

// read adds a file's sections.
func (f *ini) read(file, text, here string) error {
	var section *iniSection
	var option *iniOption
	indent := 0
	for i, raw := range strings.Split(text, "\n") {
		at := iniPlace{file, text, i + 1}
		value, blank := withoutIniComment(raw)
		if value == "" {
			if blank && option != nil {
				option.value += "\n" // an empty line may be part of a value
			}
			continue
		}
		depth := len(raw) - len(strings.TrimLeft(raw, " \t"))
		if option != nil && depth > indent {
			option.value += "\n" + value
			continue
		}
		indent = depth
		if m := iniHeader.FindStringSubmatch(value); m != nil {
			section, option = f.open(m[1], at), nil
			continue
		}
		m := iniValue.FindStringSubmatch(value)
		switch {
		case section == nil:
			return at.mistake("stands ahead of the first [section]")
		case m == nil || strings.TrimSpace(m[1]) == "":
			return at.mistake("is neither [section] nor NAME=VALUE")
		}
		option = section.set(strings.ToLower(strings.TrimSpace(m[1])), m[2], at)
		option.here = here
	}
	return nil
}

// withoutIniComment is what counts of a line; blank says that it is empty, and not a comment.
func withoutIniComment(line string) (value string, blank bool) {
	end := len(line)
	if t := strings.TrimSpace(line); strings.HasPrefix(t, "#") || strings.HasPrefix(t, ";") {
		end = 0
	}
	for i := range end {
		if (line[i] == ';' || line[i] == '#') && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			end = i
			break
		}
	}
	return strings.TrimSpace(line[:end]), end == len(line)
}

func (f *ini) open(name string, at iniPlace) *iniSection {
	if name == "DEFAULT" {
		if f.defaults == nil {
			f.defaults = &iniSection{name: name, at: at}
		}
		return f.defaults
	}
	s := f.section(name)
	if s == nil {
		s = &iniSection{name: name, at: at}
		f.sections = append(f.sections, s)
	}
	return s
}

func (s *iniSection) set(name, value string, at iniPlace) *iniOption {
	o := s.option(name)
	if o == nil {
		o = &iniOption{name: name}
		s.options = append(s.options, o)
	}
	o.value, o.at = value, at
	return o
}

// finish trims the values and gives every section what [DEFAULT] has.
func (f *ini) finish() {
	sections := f.sections
	if f.defaults != nil {
		sections = append(sections, f.defaults)
	}
	for _, s := range sections {
		for _, o := range s.options {
			o.value = strings.TrimRight(o.value, "\n \t")
		}
	}
	if f.defaults == nil {
		return
	}
	for _, s := range f.sections {
		for _, o := range f.defaults.options {
			if s.option(o.name) == nil {
				inherited := *o
				inherited.inherited = true
				s.options = append(s.options, &inherited)
			}
		}
	}
}
