package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// logger takes what apps write. Those that can keep four files of 8 MiB.
type logger struct {
	name string
	// argv is of a program that reads one app's lines from its stdin; configure of one that runs the apps itself, each a
	// command for sh.
	argv      func(dir string) ([]string, error)
	configure func(dir string, apps []string) ([]string, error)
}

// loggersNote says how they differ.
const loggersNote = "`cat` writes one file and keeps it, and pm2 one for each app; the others keep four of 8 MiB, and what they remove is in their " +
	"time; Pebble keeps 100 KiB of each app in memory and writes none. *Goroutine per pipe* is a program of the bench (perpipe.go): " +
	"it reads, writes and rotates, and knows nothing of lines and times."

// findLoggers are those that are there, cat first and goinit second: the others are compared with them. Those that no
// distribution has are fetched into dir. Of all these only those that are asked for are looked for, cat and goinit besides;
// no names ask for all.
func findLoggers(goinit, dir string, only []string) (found []logger, missing []string) {
	wanted := func(name string) bool { return len(only) == 0 || slices.Contains(only, name) }
	installed := func(program string, l logger) {
		if program != "cat" && !wanted(l.name) {
			return
		}
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, l.name+": "+program+" is not installed")
			return
		}
		found = append(found, l)
	}
	installed("cat", logger{name: "cat > file", argv: func(dir string) ([]string, error) { return []string{"sh", "-c", "exec cat > " + dir + "/file"}, nil }})
	found = append(found, logger{name: "goinit", configure: goinitLogs(goinit)})
	if perPipe := (logger{name: "goroutine per pipe", configure: perPipeLogs}); wanted(perPipe.name) {
		found = append(found, perPipe)
	}
	s6 := func(actions ...string) func(string) ([]string, error) {
		return func(dir string) ([]string, error) {
			return append(append([]string{"s6-log"}, actions...), "n4", "s8388608", dir+"/log"), nil
		}
	}
	installed("s6-log", logger{name: "s6-log", argv: s6()})
	installed("s6-log", logger{name: "s6-log t", argv: s6("t")})
	installed("svlogd", logger{name: "svlogd", argv: svlogd()})
	installed("svlogd", logger{name: "svlogd -tt", argv: svlogd("-tt")})
	installed("supervisord", logger{name: "supervisord", configure: supervisordLogs})
	for _, fetched := range []struct {
		name  string
		get   func(*supervisor, string) error
		write func(*supervisor, string, [][]string) ([]string, error)
	}{{"Pebble", fetchPebble, writePebble}, {"pm2", fetchPM2, writePM2}} {
		if !wanted(fetched.name) {
			continue
		}
		s := &supervisor{name: fetched.name}
		if err := fetched.get(s, dir); err != nil {
			missing = append(missing, s.name+": "+err.Error())
			continue
		}
		found = append(found, logger{name: s.name, configure: func(dir string, apps []string) ([]string, error) {
			commands, err := scripts(dir, apps)
			if err != nil {
				return nil, err
			}
			return fetched.write(s, dir, commands)
		}})
	}
	return found, missing
}

func svlogd(flags ...string) func(string) ([]string, error) {
	return func(dir string) ([]string, error) {
		log := dir + "/log"
		if err := os.Mkdir(log, 0o755); err != nil {
			return nil, err
		}
		return append(append([]string{"svlogd"}, flags...), log), os.WriteFile(log+"/config", []byte("s8388608\nn4\n"), 0o644)
	}
}

func goinitLogs(goinit string) func(string, []string) ([]string, error) {
	return func(dir string, apps []string) ([]string, error) {
		spec := "log_store: {directory: " + dir + "/logs}\napps:\n"
		for i, app := range apps {
			spec += fmt.Sprintf("  app%d: {shell: %s, logs: {console: \"off\"}}\n", i, strconv.Quote(app))
		}
		return []string{goinit, "run", "-C", dir, "--socket", dir + "/socket"}, os.WriteFile(dir+"/goinit.yaml", []byte(spec), 0o644)
	}
}

func supervisordLogs(dir string, apps []string) ([]string, error) {
	commands, err := scripts(dir, apps)
	if err != nil {
		return nil, err
	}
	conf := "[supervisord]\nnodaemon=true\nuser=root\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=" + dir + "/pid\n"
	for i, command := range commands {
		conf += fmt.Sprintf("[program:app%d]\ncommand=%s\nstdout_logfile=%s/app%[1]d.log\nstdout_logfile_maxbytes=8MB\nstdout_logfile_backups=4\n", i, strings.Join(command, " "), dir)
	}
	return []string{"supervisord", "-c", dir + "/conf"}, os.WriteFile(dir+"/conf", []byte(conf), 0o644)
}

// scripts are the apps as commands without a word that needs quotes.
func scripts(dir string, apps []string) (commands [][]string, err error) {
	for i, app := range apps {
		script := filepath.Join(dir, fmt.Sprintf("app%d.sh", i))
		if err := os.WriteFile(script, []byte(app+"\n"), 0o644); err != nil {
			return nil, err
		}
		commands = append(commands, []string{"/bin/sh", script})
	}
	return commands, nil
}
