package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// supervisor is a process manager that keeps apps running.
type supervisor struct {
	name       string
	version    string
	path       string // of the program that is started
	client     string // of the program that is asked for the state of the apps
	stopSignal syscall.Signal
	write      func(s *supervisor, dir string, apps [][]string) (argv []string, err error) // the configuration
	status     func(s *supervisor, dir string, n int) (argv []string)
}

// findSupervisors finds goinit and its peers in run mode, and says why others are missing. Those that no distribution
// has are fetched into a directory that lives as long as the bench.
func findSupervisors(goinit, dir string) (found []*supervisor, missing []string) {
	try := func(s *supervisor, err error) {
		if err != nil {
			missing = append(missing, s.name+": "+err.Error())
			return
		}
		found = append(found, s)
	}
	s := &supervisor{name: "goinit", write: writeGoinit, status: goinitStatus, stopSignal: syscall.SIGTERM}
	err := s.look(goinit, goinit)
	if err == nil {
		s.version = strings.TrimPrefix(versionOf(s.path), "goinit ")
	}
	try(s, err)

	s = &supervisor{name: "s6", write: writeS6, status: s6Status, stopSignal: syscall.SIGTERM}
	try(s, s.debian("s6", "s6-svscan", "s6-svstat"))
	s = &supervisor{name: "runit", write: writeRunit, status: runitStatus, stopSignal: syscall.SIGHUP}
	try(s, s.debian("runit", "runsvdir", "sv"))
	s = &supervisor{name: "supervisord", write: writeSupervisord, status: supervisordStatus, stopSignal: syscall.SIGTERM}
	try(s, s.debian("supervisor", "supervisord", "supervisorctl"))

	s = &supervisor{name: "Pebble", write: writePebble, status: pebbleStatus, stopSignal: syscall.SIGTERM}
	try(s, fetchPebble(s, dir))
	s = &supervisor{name: "pm2", write: writePM2, status: pm2Status, stopSignal: syscall.SIGTERM}
	try(s, fetchPM2(s, dir))
	return found, missing
}

func (s *supervisor) look(program, client string) (err error) {
	for path, name := range map[*string]string{&s.path: program, &s.client: client} {
		if *path, err = exec.LookPath(name); err != nil {
			return fmt.Errorf("%s is not installed", name)
		}
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	return nil
}

// debian looks for what a package has; these programs do not all say their version.
func (s *supervisor) debian(pkg, program, client string) error {
	if err := s.look(program, client); err != nil {
		return fmt.Errorf("%w (Debian's package %s)", err, pkg)
	}
	s.version = "?"
	if out, err := exec.Command("dpkg-query", "-W", "-f", "${Version}", pkg).Output(); err == nil {
		s.version = string(out)
	}
	return nil
}

const (
	pebbleModule  = "github.com/canonical/pebble"
	pebbleVersion = "v1.26.0"
	pm2Version    = "7.0.4"
)

// fetchPebble takes Pebble from the PATH, or builds it in dir.
func fetchPebble(s *supervisor, dir string) error {
	if s.look("pebble", "pebble") == nil {
		s.version = versionOf(s.path)
		return nil
	}
	source := filepath.Join(dir, "pebble")
	if err := os.Mkdir(source, 0o755); err != nil {
		return err
	}
	s.path = filepath.Join(source, "bin")
	s.client, s.version = s.path, pebbleVersion
	for _, args := range [][]string{
		{"mod", "init", "bench.invalid/pebble"},
		{"get", pebbleModule + "/cmd/pebble@" + pebbleVersion},
		{"build", "-o", s.path, pebbleModule + "/cmd/pebble"},
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Env = source, append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("cannot be built: go %s: %w: %s", args[0], err, lastLine(out))
		}
	}
	return nil
}

// fetchPM2 takes pm2 from the PATH, or installs it in dir.
func fetchPM2(s *supervisor, dir string) error {
	if err := s.look("node", "node"); err != nil {
		return err
	}
	if s.look("pm2-runtime", "pm2") == nil {
		s.version = "?"
		return nil
	}
	prefix := filepath.Join(dir, "pm2")
	out, err := exec.Command("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", prefix, "pm2@"+pm2Version).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot be installed: npm: %w: %s", err, lastLine(out))
	}
	s.version = pm2Version
	return s.look(prefix+"/node_modules/.bin/pm2-runtime", prefix+"/node_modules/.bin/pm2")
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
