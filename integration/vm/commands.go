package vm

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Command is something that is run below PID 1.
type Command struct {
	Name string
	Dir  string // its working directory
	Argv []string
	Env  []string // beside what PID 1 has
}

// An Outcome is how a command ended.
type Outcome struct {
	Name   string
	Status int // as a shell has it
	Took   time.Duration
}

// commandsPath is the list of commands in the machine, which is made by RunCommands.
const commandsPath = "/vm/commands"

// Stage is the command line of what runs the commands of RunCommands.
var Stage = []string{stagePath, "tests", commandsPath}

// RunCommands boots the machine with goinit as the kernel's init and, as its child, what runs the commands one after the
// other. There is an outcome for each command that ended. If there is an Init, that has to start the Stage.
func (m *Machine) RunCommands(ctx context.Context, goinit string, commands ...Command) (Result, []Outcome, error) {
	list := filepath.Join(m.Dir, "commands")
	var text []byte
	for _, c := range commands {
		line, err := json.Marshal(c)
		if err != nil {
			return Result{}, nil, err
		}
		text = append(append(text, line...), '\n')
	}
	if err := os.WriteFile(list, text, 0o644); err != nil {
		return Result{}, nil, err
	}
	boot := *m
	boot.Files = map[string]string{"/sbin/goinit": goinit, commandsPath: list}
	for to, from := range m.Files {
		boot.Files[to] = from
	}
	if len(boot.Init) == 0 {
		boot.Init = append([]string{"/sbin/goinit", "--"}, Stage...)
	}
	said := &outcomes{w: m.Output}
	boot.Output = said
	r, err := boot.Run(ctx)
	if err == nil && len(said.all) < len(commands) {
		err = fmt.Errorf("%d of %d commands ended, and PID 1 with status %d; the kernel wrote:\n%s", len(said.all), len(commands), r.Status, r.Kernel)
	}
	return r, said.all, err
}

// AddTests builds the test binary of a package, adds it and the package's testdata to the machine, and returns the
// command that runs it with these flags.
func (m *Machine) AddTests(pkg string, flags ...string) (Command, error) {
	c := Command{Name: path.Base(pkg)}
	binary := filepath.Join(m.Dir, c.Name+".test")
	if err := Build("the tests of "+pkg, "test", "-c", "-o", binary, pkg); err != nil {
		return c, err
	}
	c.Dir = path.Join("/src", c.Name)
	inside := path.Join(c.Dir, c.Name+".test")
	if m.Files == nil {
		m.Files = map[string]string{}
	}
	m.Files[inside] = binary
	c.Argv = append([]string{inside}, flags...)
	source, err := packageDir(pkg)
	if err != nil {
		return c, err
	}
	return c, m.addTree(filepath.Join(source, "testdata"), path.Join(c.Dir, "testdata"))
}

// packageDir is where the sources of a package are.
func packageDir(pkg string) (string, error) {
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", pkg).Output()
	if err != nil {
		return "", fmt.Errorf("go list %s: %w", pkg, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// addTree adds the files of a directory, if it exists.
func (m *Machine) addTree(from, to string) error {
	if _, err := os.Stat(from); err != nil {
		return nil
	}
	return filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(from, name)
		m.Files[path.Join(to, rel)] = name
		return err
	})
}

// outcomes passes lines on, but for those in which package stage tells how a command ended.
type outcomes struct {
	w    io.Writer
	line []byte // begun
	all  []Outcome
}

var outcomeLine = regexp.MustCompile(`^@@vm (.*): status (\d+) after (\d+) ms\n$`)

func (o *outcomes) Write(p []byte) (int, error) {
	for _, b := range p {
		o.line = append(o.line, b)
		if b != '\n' {
			continue
		}
		if m := outcomeLine.FindStringSubmatch(string(o.line)); m != nil {
			status, _ := strconv.Atoi(m[2])
			took, _ := strconv.Atoi(m[3])
			o.all = append(o.all, Outcome{m[1], status, time.Duration(took) * time.Millisecond})
		} else if _, err := o.w.Write(o.line); err != nil {
			return 0, err
		}
		o.line = o.line[:0]
	}
	return len(p), nil
}
