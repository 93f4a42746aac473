package docs_test

import (
	"maps"
	"strings"
	"testing"
)

// Beside fence, a block may open with
//
//	```LANGUAGE file NAME    a file that the examples after it find
//	```console test run      a goinit is started over goinit.yaml, and the commands are given beside it, one after another
//	```console test ctl      more commands beside that goinit; files shown in between are written before
//
// Pids and times of these two differ between runs: see like.
const (
	runFence = "```console test run"
	ctlFence = "```console test ctl"
)

// block is a file or some examples.
type block struct {
	fence    string
	file     string // its name, of a file
	text     string
	examples []example
}

type page []block

func blocksOf(t *testing.T, path, text string) (p page) {
	inside, marked := false, false // in any block; in one of ours
	files := map[string]string{}
	for i, line := range strings.Split(text, "\n") {
		switch {
		case !inside && strings.HasPrefix(line, "```"):
			inside = true
			b := block{fence: line}
			if words := strings.Fields(line); len(words) == 3 && words[1] == "file" {
				b.file = words[2]
			}
			if marked = b.file != "" || line == fence || line == runFence || line == ctlFence; marked {
				p = append(p, b)
			} else if strings.HasPrefix(line, fence) {
				t.Fatalf("%s:%d: what is %q?", path, i+1, line)
			}
		case line == "```":
			if marked && p[len(p)-1].file != "" {
				files[p[len(p)-1].file] = p[len(p)-1].text
			}
			inside, marked = false, false
		case marked:
			p[len(p)-1].add(t, path, i+1, line, files)
		}
	}
	if inside {
		t.Fatalf("%s: a block is not closed", path)
	}
	return p
}

func (b *block) add(t *testing.T, path string, number int, line string, files map[string]string) {
	command, isCommand := strings.CutPrefix(line, "$ ")
	switch {
	case b.file != "":
		b.text += line + "\n"
	case isCommand:
		b.examples = append(b.examples, example{line: number, command: command, files: maps.Clone(files)})
	case len(b.examples) == 0:
		t.Fatalf("%s:%d: output ahead of the first command", path, number)
	default:
		last := &b.examples[len(b.examples)-1]
		last.want = append(last.want, line)
	}
}

// alone are the examples that need nothing but files.
func (p page) alone() (all []example) {
	for _, b := range p {
		if b.fence == fence {
			all = append(all, b.examples...)
		}
	}
	return all
}

func (p page) runs() bool {
	for _, b := range p {
		if b.fence == runFence {
			return true
		}
	}
	return false
}
