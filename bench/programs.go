package main

import (
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed programs/*.c
var sources embed.FS

// programSet is the programs that are run below the inits, as command lines.
type programSet struct {
	trivial []string // ends at once
	sleeper []string // writes a byte and sleeps
	catcher []string // writes the time of each SIGUSR1
	orphans []string // makes orphans; nil without a C compiler
	app     []string // says on a FIFO that it has started, and sleeps
	how     string
}

// makePrograms compiles the C programs, static where that works. Without a compiler the bench is its own sleeper and
// catcher, the trivial program is what is installed, and nothing makes orphans.
func makePrograms() (set *programSet, cleanUp func(), err error) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		set, err := goPrograms()
		return set, func() {}, err
	}
	dir, err := os.MkdirTemp("", "goinit-bench-")
	if err != nil {
		return nil, nil, err
	}
	cleanUp = func() { os.RemoveAll(dir) }
	set = &programSet{how: "C, static, compiled by " + versionOf(cc)}
	for name, command := range map[string]*[]string{
		"true": &set.trivial, "sleeper": &set.sleeper, "catcher": &set.catcher, "orphans": &set.orphans, "app": &set.app,
	} {
		path, static, err := compile(cc, dir, name)
		if err != nil {
			cleanUp()
			return nil, nil, err
		}
		if !static {
			set.how = "C, dynamic (no static libc), compiled by " + versionOf(cc)
		}
		*command = []string{path}
	}
	return set, cleanUp, nil
}

func compile(cc, dir, name string) (path string, static bool, err error) {
	source, err := sources.ReadFile("programs/" + name + ".c")
	if err != nil {
		return "", false, err
	}
	path = filepath.Join(dir, name)
	if err := os.WriteFile(path+".c", source, 0o600); err != nil {
		return "", false, err
	}
	if exec.Command(cc, "-O2", "-static", "-o", path, path+".c").Run() == nil {
		return path, true, nil
	}
	if out, err := exec.Command(cc, "-O2", "-o", path, path+".c").CombinedOutput(); err != nil {
		return "", false, fmt.Errorf("cannot compile %s.c: %w\n%s", name, err, out)
	}
	return path, false, nil
}

func goPrograms() (*programSet, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	catcher := []string{self, helperWord}
	set := &programSet{sleeper: catcher, catcher: catcher, app: []string{self, appWord}}
	if busybox, err := exec.LookPath("busybox"); err == nil {
		set.trivial, set.how = []string{busybox, "true"}, "busybox true and Go programs (no C compiler)"
		return set, nil
	}
	path, err := exec.LookPath("true")
	set.trivial, set.how = []string{path}, "true and Go programs (no C compiler, no busybox)"
	return set, err
}
