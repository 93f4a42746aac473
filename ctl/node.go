package ctl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"goinit/spec/compile"
	"goinit/spec/convert"
)

// Bounds of a configuration that is a program.
const (
	nodeTime   = 10 * time.Second
	nodeOutput = 1 << 20 // of the JSON; of what it says on stderr, the same
)

// evaluation requires the file as PM2 does, imports it if it is a module, and writes what it exports to descriptor 3: its stdout may have
// been written to by the file itself. JSON has no word for a function and a regular expression, and would lose them.
const evaluation = `
const path = require("path").resolve(process.argv[1]);
const load = async () => {
	try { return require(path); } catch (e) { if (e.code !== "ERR_REQUIRE_ESM") throw e; }
	return import(require("url").pathToFileURL(path));
};
load().then((exported) => {
	if (exported && exported.default !== undefined) exported = exported.default;
	const json = JSON.stringify(exported, (key, value) => {
		if (typeof value === "function") return {$function: value.name || "anonymous"};
		if (typeof value === "bigint") return String(value);
		if (value instanceof RegExp) return {$regexp: value.source};
		return value;
	});
	require("fs").writeSync(3, json === undefined ? "null" : json);
	process.exit(0);
}, (e) => { process.nextTick(() => { throw e; }); });
`

// evaluateByNode runs the file with the node that is in PATH.
func evaluateByNode(ctx context.Context) convert.Evaluate {
	return func(path string) ([]byte, error) {
		if _, err := os.Stat(path); err != nil {
			return nil, withoutVerb(path, err)
		}
		node, err := exec.LookPath("node")
		if err != nil {
			return nil, fmt.Errorf("%s: it is a program, and there is no node in PATH to run it\n  where node is: node -p 'JSON.stringify(require(\"./%s\"))' > ecosystem.json\n  then: goinit ctl convert pm2 ecosystem.json",
				path, filepath.Base(path))
		}
		ctx, cancel := context.WithTimeout(ctx, nodeTime)
		defer cancel()
		return runNode(ctx, node, path)
	}
}

func withoutVerb(path string, err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return fmt.Errorf("%s: cannot open it: %w", path, err)
}

func runNode(ctx context.Context, node, path string) ([]byte, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	said := &head{limit: nodeOutput}
	cmd := exec.CommandContext(ctx, node, "-e", evaluation, "--", path)
	cmd.Stdout, cmd.Stderr = said, said
	cmd.ExtraFiles = []*os.File{writer} // descriptor 3
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		writer.Close()
		return nil, fmt.Errorf("%s: cannot run %s: %w", path, node, err)
	}
	writer.Close()
	result := make(chan []byte, 1)
	go func() {
		data, _ := io.ReadAll(io.LimitReader(reader, nodeOutput+1))
		reader.Close() // what writes more than that is not waited for
		result <- data
	}()
	err = cmd.Wait()
	_ = reader.SetReadDeadline(time.Now().Add(time.Second)) // a child that node left may hold the pipe
	data := <-result
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s: node is still running it after %v: a configuration only describes the apps", path, nodeTime)
	case len(data) > nodeOutput:
		return nil, fmt.Errorf("%s: what it exports is more than %d KiB", path, nodeOutput>>10)
	case err != nil:
		return nil, nodeMistake(path, said.String(), err)
	case len(data) == 0:
		return nil, fmt.Errorf("%s: node ran it, and it ended before it exported anything", path)
	}
	return data, nil
}

// What node says of a file: of its syntax FILE:LINE, the line and a ^ beneath; of what it throws a stack; and the error's own line.
var (
	nodeSyntax = regexp.MustCompile(`(?m)^(?:file://)?(/.*):([0-9]+)\n.*\n( *)\^`)
	nodeStack  = regexp.MustCompile(`(?m)^ +at .*?(?:file://)?(/[^\n()]*):([0-9]+):([0-9]+)\)?$`)
	nodeError  = regexp.MustCompile(`(?m)^(?:Uncaught )?([A-Za-z]*Error(?: \[[A-Z_]+\])?: .*)$`)
)

// nodeMistake tells what node said, with its place in the file, or in one that it requires.
func nodeMistake(path, said string, err error) error {
	message := ""
	if m := nodeError.FindStringSubmatch(said); m != nil {
		message = m[1]
	} else {
		lines := strings.Split(strings.TrimSpace(said), "\n")
		message = strings.TrimSpace(fmt.Sprintf("node failed (%v) %s", err, lines[len(lines)-1]))
	}
	p := compile.Problem{File: path, Message: message}
	if m := nodeSyntax.FindStringSubmatch(said); m != nil {
		p.File, p.Column = m[1], 1+len(m[3])
		p.Line, _ = strconv.Atoi(m[2])
	} else if m := nodeStack.FindStringSubmatch(said); m != nil {
		p.File = m[1]
		p.Line, _ = strconv.Atoi(m[2])
		p.Column, _ = strconv.Atoi(m[3])
	}
	if data, err := (compile.OS{}).ReadFile(p.File, nodeOutput); err == nil && p.Line > 0 {
		if lines := strings.Split(string(data), "\n"); p.Line <= len(lines) {
			p.Text = compile.Printable(lines[p.Line-1])
		}
	}
	if absolute, err := filepath.Abs(path); err == nil && p.File == absolute {
		p.File = path
	}
	return convert.Mistake{Problem: p}
}

// head keeps the beginning of what is written, and takes the rest without a word.
type head struct {
	bytes.Buffer
	limit int
}

func (h *head) Write(p []byte) (int, error) {
	if room := h.limit - h.Len(); room > 0 {
		_, _ = h.Buffer.Write(p[:min(len(p), room)]) // it cannot fail
	}
	return len(p), nil
}
