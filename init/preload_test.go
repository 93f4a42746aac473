package pid1

import (
	"path/filepath"
	"slices"
	"testing"

	"goinit/spec"
)

// Who has to do without the preload is told so, but once.
func TestPreloadConfined(t *testing.T) {
	const remedy = "\n  say that it is not wanted: node_preload: false"
	const told = ": keep-alive connections may end with an error when a worker of it is replaced: the file that prevents it cannot be had: " +
		"Node's permission model does not let it be read" + remedy
	for _, test := range []struct {
		name, options string
		command       []string
		confined      bool
	}{
		{"neither", "--enable-source-maps", []string{"node", "server.js"}, false},
		{"alike", "--permission-audit --no-permission", []string{"node", "--allow-fs-read=/permission", "permission.js"}, false},
		{"command", "", []string{"node", "--permission", "--allow-fs-read=/app/*", "server.js"}, true},
		{"command of an older Node", "", []string{"node", "--experimental-permission=true", "server.js"}, true},
		{"shell", "", []string{"/bin/sh", "-c", "exec node --experimental_permission server.js"}, true},
		{"NODE_OPTIONS", `--allow-fs-read=/app/* "--permission"`, []string{"node", "server.js"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := testClusters(t)
			c.preload.path = filepath.Join(t.TempDir(), "drain.cjs")
			var said, want []string
			c.warn = func(text string) { said = append(said, text) }
			if test.confined {
				want = []string{"web" + told}
			}
			for range 2 {
				a := spec.NewApp("web", test.command...)
				path, err := c.preloadFor(&a)
				if err != nil {
					t.Fatal(err)
				}
				if has := path != "" && c.addsNodeOptions(&a, test.options); has == test.confined {
					t.Errorf("it has the preload: %v", has)
				}
			}
			if !slices.Equal(said, want) {
				t.Errorf("said %q, want %q", said, want)
			}
		})
	}
}
