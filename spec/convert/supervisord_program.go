package convert

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Bound of numprocs: supervisord has none, and goinit has one of its own.
const maxProcesses = 10000

// program is one [program:NAME] on its way to an app.
type program struct {
	*app
	section *iniSection
	known   expansions
	slots   slots
	several bool            // numprocs is more than one
	exports []string        // variables that a shell has to set, for the worker's number is in them
	asked   map[string]bool // options that were looked at
}

func (s *supervisor) programs(kind, name string, section *iniSection) error {
	if kind != "program" {
		return nil
	}
	p := &program{section: section, app: s.document.app(name), known: maps.Clone(s.env), asked: map[string]bool{}}
	group := name
	for _, g := range s.tags[name] {
		p.tag(g, "group")
		group = g
	}
	maps.Copy(p.known, expansions{"program_name": name, "group_name": group, "host_node_name": hostName()})
	for _, step := range []func() error{p.processes, p.environment, p.run, p.whoAndWhere, p.restarts, p.stop, p.logs} {
		if err := step(); err != nil {
			return err
		}
	}
	p.rest()
	return nil
}

// get is the expanded value of an option, "" if it is not there.
func (p *program) get(name string) (string, *iniOption, error) {
	p.asked[name] = true
	o := p.section.option(name)
	if o == nil {
		return "", nil, nil
	}
	p.known["here"] = o.here
	value, err := p.known.expand(o.value)
	if err != nil {
		return "", o, o.at.mistake("%s: %v", name, err)
	}
	return value, o, nil
}

func (p *program) number(name string, otherwise int) (int, *iniOption, error) {
	value, o, err := p.get(name)
	if err != nil || o == nil {
		return otherwise, o, err
	}
	if p.isVariable(name, value) {
		return otherwise, nil, nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil {
		return 0, o, o.at.mistake("%s: %q is no number", name, clip(notation(value)))
	}
	return n, o, nil
}

func (p *program) truth(name string, otherwise bool) (bool, *iniOption, error) {
	value, o, err := p.get(name)
	if err != nil || o == nil {
		return otherwise, o, err
	}
	if p.isVariable(name, value) {
		return otherwise, nil, nil
	}
	switch value := strings.ToLower(value); {
	case slices.Contains(truths, value):
		return true, o, nil
	case slices.Contains(falsehoods, value):
		return false, o, nil
	}
	return false, o, o.at.mistake("%s: %q is neither true nor false", name, clip(notation(value)))
}

// isVariable tells of a value that %(ENV_X)s brings where converting has to know it.
func (p *program) isVariable(name, value string) bool {
	if !hasVariable(value) {
		return false
	}
	p.tell("%s=%s: what the variable holds is not known here", name, notation(value))
	return true
}

// handOn sets a key to what %(ENV_X)s brings, which goinit knows when it starts, and reports whether it is such a value.
func (p *program) handOn(name, key, unit string) (bool, error) {
	value, o, err := p.get(name)
	if err != nil || o == nil || !hasVariable(value) {
		return false, err
	}
	p.set(key, notation(value)+unit, name)
	return true, nil
}

// processes reads numprocs: after it %(process_num)d is a number, or a mark for the worker's.
func (p *program) processes() error {
	given, err := p.handOn("numprocs", "workers", "")
	count := 2 // of a variable: as good as any that is more than one
	if err == nil && !given {
		count, _, err = p.number("numprocs", 1)
	}
	if err != nil {
		return err
	}
	first, _, err := p.number("numprocs_start", 0)
	if err != nil {
		return err
	}
	if count < 0 || count > maxProcesses || first < 0 || first > 1<<20 {
		return p.section.at.mistake("numprocs: %d from %d is not from 0 to %d", count, first, maxProcesses)
	}
	p.slots, p.several = slots{first, count}, count > 1
	p.known["numprocs"], p.known["process_num"] = strconv.Itoa(count), strconv.Itoa(first)
	switch {
	case p.several:
		p.known["process_num"] = string(slotOpen) + string(slotEnds)
		if !given {
			p.set("workers", count, "numprocs")
		}
	case count == 0:
		p.set("enabled", false, "numprocs").comment = "numprocs=0"
	}
	value, o, err := p.get("process_name")
	if err != nil || o == nil {
		return err
	}
	if p.several && !hasSlot(value) {
		return o.at.mistake("process_name: %%(process_num)d has to be in it where numprocs is more than 1")
	}
	if p.several || value != p.known["program_name"] {
		p.tell("process_name=%s: a worker is %s/0", o.value, p.name)
	}
	return nil
}

// environment sets the variables. One that counts up is increment; whatever else has the worker's number in it is left to run.
func (p *program) environment() error {
	value, o, err := p.get("environment")
	if err != nil || o == nil {
		return err
	}
	variables, err := keyValues(value)
	if err != nil {
		return o.at.mistake("environment: %v", err)
	}
	for _, v := range variables {
		p.known["ENV_"+v[0]] = v[1]
		if !hasSlot(v[1]) {
			p.pair("environment", v[0], notation(v[1]), "environment")
		} else if base, ok := p.slots.base(v[1]); ok {
			p.pair("increment", v[0], base, "environment")
		} else {
			p.exports = append(p.exports, "export "+v[0]+"="+p.slots.shell(v[1]))
		}
	}
	return nil
}

// run sets the command; where the worker's number is part of it, of a variable or of the directory, a shell puts it in.
func (p *program) run() error {
	value, o, err := p.get("command")
	if err != nil {
		return err
	}
	if o == nil {
		return p.section.at.mistake("[%s] without command=", p.section.name)
	}
	split, err := splitPOSIX(value)
	if err != nil {
		return o.at.mistake("command: %v", err)
	}
	directory, o, err := p.get("directory")
	if err != nil {
		return err
	}
	steps := p.exports
	if hasSlot(directory) {
		steps = append(steps, "cd "+p.slots.shell(directory))
	} else if o != nil {
		p.set("working_dir", notation(directory), "directory")
	}
	if len(steps) == 0 && !hasSlot(value) {
		all := make(words, 0, len(split))
		for _, word := range split {
			all = append(all, notation(word))
		}
		p.set("command", all, "command")
		return nil
	}
	quoted := make([]string, 0, len(split))
	for _, word := range split {
		quoted = append(quoted, p.slots.shell(word))
	}
	steps = append(steps, "exec "+strings.Join(quoted, " "))
	p.set("shell", literal(strings.Join(steps, " && ")), "command").comment = "%(process_num) is GOINIT_SLOT"
	return nil
}

func (p *program) whoAndWhere() error {
	for _, key := range []string{"user", "umask"} {
		value, o, err := p.get(key)
		if err != nil {
			return err
		}
		if o != nil {
			p.set(key, notation(value), key)
		}
	}
	if given, err := p.handOn("autostart", "enabled", ""); given || err != nil {
		return err
	}
	enabled, _, err := p.truth("autostart", true)
	if err == nil && !enabled {
		p.set("enabled", false, "autostart")
	}
	return err
}

// rest tells of what nobody asked for.
func (p *program) rest() {
	for _, o := range p.section.options {
		if p.asked[o.name] {
			continue
		}
		switch o.name {
		case "priority":
			p.tell("priority=%s: %s", o.value, noPriority)
		case "serverurl":
			p.tell("serverurl: goinit has no such thing: GOINIT_WORKER says who a worker is")
		default:
			p.tell("%s: supervisord does not know it either", o.name)
		}
	}
}
