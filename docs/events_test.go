package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// eventType is what the type of an event looks like, and nothing else does in the packages that make events.
var eventType = regexp.MustCompile(`^(app|events|goinit|hook|job|reload|shutdown|worker)\.[a-z-]+$`)

// The table of events in commands.md has those that the code has, and no others.
func TestEventsAreInTheTable(t *testing.T) {
	coded := map[string]bool{}
	for _, dir := range []string{"supervise", "supervise/app", "supervise/set", "control", "init"} {
		files, err := filepath.Glob("../" + dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", dir, files, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
					if s, _ := strconv.Unquote(l.Value); eventType.MatchString(s) && s != "goinit.yaml" {
						coded[s] = true
					}
				}
				return true
			})
		}
	}
	page, err := os.ReadFile("commands.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Events\n")
	section, _, _ = strings.Cut(section, "\n## ")
	told := map[string]bool{}
	for line := range strings.Lines(section) {
		first, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		for name := range strings.SplitSeq(first, ", ") {
			if name = strings.Trim(name, "`"); eventType.MatchString(name) {
				if told[name] {
					t.Errorf("%s is there twice", name)
				}
				told[name] = true
			}
		}
	}
	if len(coded) < 30 {
		t.Errorf("found %d types in the code only: %v", len(coded), slices.Sorted(maps.Keys(coded)))
	}
	for name := range coded {
		if !told[name] {
			t.Errorf("the table in commands.md lacks %s", name)
		}
	}
	for name := range told {
		if !coded[name] {
			t.Errorf("the table in commands.md has %s, which no code makes", name)
		}
	}
}
