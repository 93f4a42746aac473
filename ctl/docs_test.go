package ctl

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every verb has its help, and is in the manual page and in docs/commands.md.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	manual, err := os.ReadFile("../docs/goinitctl.8")
	if err != nil {
		t.Fatal(err)
	}
	b := newBed(t)
	root := newRoot(&session{world: &b.world}, Build{})
	for _, verb := range append(root.Commands(), &cobra.Command{Use: "completion"}) {
		if verb.Hidden {
			continue
		}
		if !strings.Contains(string(manual), verb.Name()) {
			t.Errorf("%s is not in goinitctl.8", verb.Name())
		}
		if !strings.Contains(string(page), "`"+verb.Name()) && verb.Name() != "version" {
			t.Errorf("%s is not in commands.md", verb.Name())
		}
		if verb.Short == "" && verb.Name() != "completion" {
			t.Errorf("%s has no help", verb.Name())
		}
	}
}

func FuzzYAML(f *testing.F) {
	f.Add([]byte(`{"a":[{"b":[]},"é\n",null,1e9]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		text, err := yamlOf(b)
		if err == nil && !strings.HasSuffix(text, "\n") {
			t.Errorf("%q: %q", b, text)
		}
	})
}
