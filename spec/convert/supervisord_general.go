package convert

import (
	"os"
	"slices"
	"strings"
)

// general converts [supervisord]: what it is itself, and what all programs inherit of it.
func (s *supervisor) general(kind, _ string, section *iniSection) error {
	if kind != "supervisord" {
		return nil
	}
	known := expansions{"host_node_name": hostName()}
	for _, o := range section.options {
		if o.inherited && !slices.Contains(generalAndProgram, o.name) {
			continue // meant for the programs
		}
		known["here"] = o.here
		value, err := known.expand(o.value)
		if err != nil {
			return o.at.mistake("%s: %v", o.name, err)
		}
		if err := s.generalOption(o, value); err != nil {
			return err
		}
	}
	return nil
}

// generalAndProgram are options that both supervisord and its programs know.
var generalAndProgram = []string{"environment", "directory", "umask", "user"}

func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}

func (s *supervisor) generalOption(o *iniOption, value string) error {
	root, from := &s.document.root, "[supervisord] "+o.name
	switch o.name {
	case "environment":
		variables, err := keyValues(value)
		if err != nil {
			return o.at.mistake("environment: %v", err)
		}
		for _, v := range variables {
			root.pair("defaults.environment", v[0], notation(v[1]), from)
			s.env["ENV_"+v[0]] = v[1]
		}
	case "directory":
		root.set("defaults.working_dir", notation(value), from)
	case "umask":
		root.set("defaults.umask", notation(value), from)
	case "user":
		if value != "root" && value != "0" {
			root.set("defaults.user", notation(value), from)
		} else {
			s.tell("%s=%s: goinit runs as who it is started", from, notation(value))
		}
	case "identifier":
		if name := identifier(notation(value), "-_."); name != "" && name != "supervisor" {
			root.set("name", name, from)
		}
	case "loglevel":
		if hasVariable(value) {
			root.set("messages.level", notation(value), from)
			return nil
		}
		level, ok := map[string]string{"critical": "error", "error": "error", "warn": "warn", "warning": "warn", "info": "info",
			"debug": "debug", "trace": "debug", "blather": "debug"}[strings.ToLower(value)]
		if !ok {
			return o.at.mistake("loglevel: %q is none of critical, error, warn, info, debug, trace, blather", clip(value))
		}
		root.set("messages.level", level, from)
	default:
		s.tellGeneral(o.name, value, from)
	}
	return nil
}

// tellGeneral is what has no equal.
func (s *supervisor) tellGeneral(name, value, from string) {
	switch name {
	case "nodaemon":
		if !slices.Contains(truths, strings.ToLower(value)) {
			s.tell("%s=%s: goinit run stays in the foreground", from, value)
		}
	case "logfile", "logfile_maxbytes", "logfile_backups", "silent":
		s.tell("%s: goinit's own lines go to stderr", from)
	case "childlogdir", "nocleanup", "strip_ansi":
		s.tell("%s: output goes to the console and the log store", from)
	case "pidfile":
		s.tell("%s: goinit needs no pid file: goinit ctl info", from)
	case "minfds":
		s.tell("%s=%s: write ulimits: {nofile: %[2]s} for who needs it", from, value)
	case "minprocs":
		s.tell("%s=%s: write ulimits: {nproc: %[2]s} for who needs it", from, value)
	default:
		s.tell("%s: there is nothing like it", from)
	}
}

var (
	truths     = []string{"yes", "true", "on", "1"}
	falsehoods = []string{"no", "false", "off", "0"}
)
