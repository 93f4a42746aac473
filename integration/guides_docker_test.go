package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"goinit/integration/bed"
)

// guideImage has the programs that the guides speak of, and stands for the images that they begin with.
const guideImage = "goinit-test/guide"

const guideDockerfile = `FROM node:20
COPY guide.sh /usr/local/bin/gunicorn
COPY guide.sh /usr/local/bin/postgres
COPY guide.sh /scripts/prepare
COPY guide.sh /srv/mail.sh
RUN mkdir /srv/web && echo "require('http').createServer((q, r) => r.end('hello')).listen(8080, () => console.log('ready'))" >/srv/web/server.js
COPY server.js /
RUN echo postgres:x:999:999::/:/bin/sh >>/etc/passwd
`

// guide is a Dockerfile of the documentation, with the files that its page has shown so far.
type guide struct {
	name  string
	text  string
	files map[string]string
}

// guides are the blocks that take goinit into an image, as they stand. Those that show how it was before need a network.
func guides(t *testing.T) (all []guide) {
	t.Helper()
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		fence, block, begun, first := "", "", 0, len(all)
		files := map[string]string{}
		for i, line := range strings.Split(string(text), "\n") {
			words := strings.Fields(line)
			switch {
			case fence == "" && strings.HasPrefix(line, "```"):
				fence, block, begun = line, "", i+1
			case line == "```":
				if name, ok := strings.CutPrefix(fence, "```"); ok && len(strings.Fields(name)) == 3 && strings.Fields(name)[1] == "file" {
					files[strings.Fields(name)[2]] = block
					for _, g := range all[first:] {
						if _, ok := g.files["goinit.yaml"]; !ok && strings.Fields(name)[2] == "goinit.yaml" { // shown below what copies it
							g.files["goinit.yaml"] = block
						}
					}
				} else if fence == "```dockerfile" && strings.Contains(block, "--from=goinit") {
					g := guide{fmt.Sprintf("%s:%d", filepath.Base(page), begun), block, map[string]string{}}
					for name, text := range files {
						g.files[name] = text
					}
					all = append(all, g)
				}
				fence = ""
			case fence == "```console test" && len(words) > 4 && words[1] == "goinit" && words[3] == "convert" && slices.Contains(words, "--out"):
				files["goinit.yaml"] = converted(t, words[2:], files) // as the page does it
			case fence != "":
				block += line + "\n"
			}
		}
	}
	return all
}

// converted is the goinit.yaml that a page makes of the files it has shown.
func converted(t *testing.T, words []string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := words[1:]
	for i, word := range args { // the rest of the line is the next command
		if word == "&&" || strings.HasSuffix(word, ";") {
			args = append(slices.Clone(args[:i]), strings.TrimSuffix(word, ";"))
			break
		}
	}
	args = slices.DeleteFunc(args, func(word string) bool { return word == "&&" })
	cmd := exec.Command(filepath.Join(built.dir, "goinitctl"), args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("goinit ctl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "goinit.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every Dockerfile of the guides that takes goinit in is built as it stands, on an image with the programs it speaks of: it
// runs, goinit is PID 1, every app comes up, and docker stop is an end in order.
func TestDockerGuides(t *testing.T) {
	all := guides(t)
	if len(all) < 7 {
		t.Fatalf("found only %d Dockerfiles: %v", len(all), all)
	}
	e := docker(t)
	base := contextOf(t, "testdata/guide.sh", "testdata/server.js")
	writeDockerfile(t, base, guideDockerfile)
	buildImage(t, e, guideImage, base)
	for _, name := range []string{"node:22", "debian:trixie-slim"} {
		e.Adopt(t, name)
		e.Must(t, "tag", guideImage, name)
	}
	for n, g := range all {
		t.Run(g.name, func(t *testing.T) {
			dir := contextOf(t, "testdata/server.js")
			for _, name := range []string{"mail.sh", "migrate.sh"} {
				if err := copyFile("testdata/guide.sh", filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			if spec := g.files["goinit.yaml"]; spec != "" {
				if err := os.WriteFile(filepath.Join(dir, "goinit.yaml"), []byte(spec), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			text := g.text
			if !strings.HasPrefix(text, "FROM ") {
				text = "FROM " + guideImage + "\n" + text
			}
			writeDockerfile(t, dir, text)
			image := fmt.Sprintf("goinit-test/guide-%d", n)
			buildImage(t, e, image, dir)
			c := e.Detach(t, image)
			if strings.Contains(text, `"--"]`) { // command mode
				c.Expect(t, "ready")
			} else {
				bed.Wait(t, "every app to be up", func() (bool, string) {
					r := e.Quiet(t, "exec", c.ID, "goinit", "ctl", "ps", "-o", "json")
					if r.Status != 0 {
						return false, r.Stderr + c.Logs(t)
					}
					for _, row := range rowsOf(t, r.Stdout) {
						// A program that runs says so when it would hear a signal.
						if row.State != "completed" && (row.State != "running" || !strings.Contains(c.Logs(t), row.App+"/0")) {
							return false, row.String() + c.Logs(t)
						}
					}
					return true, ""
				})
				t.Log(e.Must(t, "exec", c.ID, "goinit", "ctl", "ps"))
			}
			if comm := e.Must(t, "exec", c.ID, "cat", "/proc/1/comm"); comm != "goinit" {
				t.Errorf("PID 1 is %s", comm)
			}
			if _, status := c.Stop(t); status != 0 {
				t.Errorf("status %d\n%s", status, c.Logs(t))
			}
		})
	}
}

func writeDockerfile(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
