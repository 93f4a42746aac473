package convert

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"goinit/spec/compile"
)

// Supervisord converts a supervisord.conf and what it includes.
func Supervisord(path string, files compile.Files) ([]byte, error) {
	s := &supervisor{files: files, env: expansions{}, tags: map[string][]string{}, document: &document{head: []string{
		"Converted from " + nameOf(path) + " by goinit ctl convert supervisord.",
		"supervisord stays when all have ended, and gives up after startretries (3); goinit ends, and tries for ever.",
	}}}
	if err := s.read(path); err != nil {
		return nil, err
	}
	if err := s.sections(); err != nil {
		return nil, err
	}
	if len(s.document.apps) == 0 {
		return nil, mistake(path, "", 0, 0, "has no [program:NAME]: there is nothing to run")
	}
	return finish(path, s.document)
}

// supervisor is a configuration on its way.
type supervisor struct {
	files    compile.Files
	file     ini
	size     int
	env      expansions          // ENV_X of [supervisord] environment
	tags     map[string][]string // of a program: the groups it is in
	document *document
}

// read reads the file, and what [include] names.
func (s *supervisor) read(path string) error {
	here, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := s.readOne(path, here); err != nil {
		return err
	}
	if include := s.file.section("include"); include != nil {
		if err := s.include(include, path, here); err != nil {
			return err
		}
	}
	s.file.finish()
	return nil
}

func (s *supervisor) readOne(path, here string) error {
	text, err := read(path, s.files)
	if err != nil {
		return err
	}
	if s.size += len(text); s.size > maxFile {
		return mistake(path, "", 0, 0, "with all it includes it has more than %d KiB", maxFile>>10)
	}
	return s.file.read(path, text, here)
}

// include reads once: what an included file includes counts for nothing in supervisord.
func (s *supervisor) include(section *iniSection, path, here string) error {
	o := section.option("files")
	if o == nil {
		return section.at.mistake("[include] without files=")
	}
	patterns, err := expansions{"here": here}.expand(o.value)
	if err != nil {
		return o.at.mistake("files: %v", err)
	}
	for _, pattern := range strings.Fields(patterns) {
		if hasVariable(pattern) {
			s.tell("[include] %s: it was not read, for it has a variable in it", notation(pattern))
			continue
		}
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(filepath.Dir(path), pattern)
		}
		found, err := s.files.Glob(pattern)
		if err != nil {
			return o.at.mistake("files: %s %v", pattern, err)
		}
		if len(found) == 0 {
			s.tell("[include] %s: there is no such file", pattern)
		}
		for _, one := range found {
			folder, err := filepath.Abs(filepath.Dir(one))
			if err != nil {
				return err
			}
			if err := s.readOne(one, folder); err != nil {
				return err
			}
		}
	}
	return nil
}

// tell adds a comment that belongs to no program.
func (s *supervisor) tell(format string, args ...any) {
	s.document.head = append(s.document.head, fmt.Sprintf(format, args...))
}

// sections converts: what holds for all first, then the programs, then what there is nothing like.
func (s *supervisor) sections() error {
	for _, step := range []func(kind, name string, section *iniSection) error{s.general, s.group, s.programs, s.foreign} {
		for _, section := range s.file.sections {
			kind, name, _ := strings.Cut(section.name, ":")
			if err := step(kind, strings.TrimSpace(name), section); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *supervisor) group(kind, name string, section *iniSection) error {
	if kind != "group" {
		return nil
	}
	o := section.option("programs")
	if o == nil {
		return section.at.mistake("[group:%s] without programs=", name)
	}
	value, err := expansions{"here": o.here}.expand(o.value)
	if err != nil {
		return o.at.mistake("programs: %v", err)
	}
	for program := range strings.SplitSeq(value, ",") {
		program = strings.TrimSpace(program)
		if s.file.section("program:"+program) == nil && s.file.section("fcgi-program:"+program) == nil {
			return o.at.mistake("programs: there is no [program:%s]", program)
		}
		s.tags[program] = append(s.tags[program], name)
	}
	for _, o := range section.options {
		if o.inherited {
			continue
		}
		if o.name == "priority" {
			s.tell("[group:%s] priority=%s: %s", name, o.value, noPriority)
		} else if o.name != "programs" {
			s.tell("[group:%s] %s: supervisord does not know it either", name, o.name)
		}
	}
	return nil
}

const noPriority = "order is by need here: depends_on"

// foreign tells of the sections that have no equal.
func (s *supervisor) foreign(kind, name string, section *iniSection) error {
	var why string
	switch kind {
	case "supervisord", "program", "group", "include":
		return nil
	case "eventlistener":
		why = "has no equal: a program can read goinit ctl events -f -o json"
	case "fcgi-program":
		why = "has no equal: goinit gives sockets as LISTEN_FDS (listen:), not as descriptor 0"
	case "unix_http_server", "inet_http_server", "supervisorctl", "rpcinterface", "ctlplugin":
		var names []string
		for _, o := range section.options {
			if !o.inherited {
				names = append(names, o.name) // not the values: a password may be among them
			}
		}
		slices.Sort(names)
		s.document.tail = append(s.document.tail, block{head: fmt.Sprintf("[%s] (%s) has no equal: goinit has a control socket by itself, for goinit ctl.",
			section.name, strings.Join(names, ", "))})
		return nil
	default:
		why = "is no section of supervisord's"
	}
	b := block{head: fmt.Sprintf("[%s] %s.", section.name, why)}
	for _, o := range section.options {
		for i, line := range strings.Split(o.value, "\n") {
			if i == 0 {
				line = o.name + "=" + line
			}
			b.lines = append(b.lines, line)
		}
	}
	s.document.tail = append(s.document.tail, b)
	return nil
}
