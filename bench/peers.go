package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// peer is one of the inits, or the bare command, which is none.
type peer struct {
	name    string
	path    string
	plain   []string // options before the command, as an ordinary process: that orphans come to it all the same
	pid1    []string // options as PID 1
	version string
}

// reference is the peer that ratios refer to.
const reference = "tini"

// bare stands for no init at all.
var bare = peer{name: "bare command"}

// findPeers finds the inits and names those that are not installed. goinit is where goinit is.
func findPeers(goinit string) (found []peer, missing []string, err error) {
	all := []peer{
		{name: "goinit", path: goinit, plain: []string{"--"}, pid1: []string{"--"}},
		{name: "tini", path: "tini", plain: []string{"-s", "--"}, pid1: []string{"--"}},
		{name: "tini-static", path: "tini-static", plain: []string{"-s", "--"}, pid1: []string{"--"}},
		{name: "dumb-init", path: "dumb-init", plain: []string{"--"}, pid1: []string{"--"}},
		{name: "catatonit", path: "catatonit", plain: []string{"--"}, pid1: []string{"--"}},
	}
	for _, p := range all {
		path, err := exec.LookPath(p.path)
		if err == nil {
			path, err = filepath.Abs(path)
		}
		if err != nil {
			missing = append(missing, p.name)
			continue
		}
		p.path, p.version = path, versionOf(path)
		found = append(found, p)
	}
	if len(found) == 0 {
		return nil, nil, fmt.Errorf("cannot find a single init: %s", strings.Join(missing, ", "))
	}
	return found, missing, nil
}

// versionOf is the first line of --version; dumb-init writes it to stderr.
func versionOf(path string) string {
	out, err := exec.Command(path, "--version").CombinedOutput()
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if err != nil && line == "" {
		return err.Error()
	}
	return line
}

// argv is the command line of the peer with a command below it.
func (p peer) argv(asPID1 bool, command []string) []string {
	if p.path == "" {
		return command
	}
	options := p.plain
	if asPID1 {
		options = p.pid1
	}
	argv := append([]string{p.path}, options...)
	return append(argv, command...)
}

// withBare is peers with the bare command in front.
func withBare(peers []peer) []peer { return append([]peer{bare}, peers...) }

// settleFiles has the executables written back to disk: until then the page cache holds them dirty, and smaps counts
// each of their pages that a process maps as Private_Dirty.
func settleFiles(peers []peer) {
	for _, p := range peers {
		if f, err := os.Open(p.path); err == nil {
			_ = f.Sync()
			f.Close()
		}
	}
	syscall.Sync()
}
