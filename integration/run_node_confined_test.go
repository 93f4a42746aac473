package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goinit/cluster/nodeipc/nodetest"
	"goinit/integration/bed"
)

// TestRunNodeConfined: under Node's permission model a program may not read goinit's preload. It starts all the same, whoever
// has asked for the model: the command, or the NODE_OPTIONS of an env_file.
func TestRunNodeConfined(t *testing.T) {
	bed.Need(t, "namespace", "node")
	for _, node := range nodetest.All(t) {
		permission := "--permission"
		switch node.Name {
		case "18": // it has none
			continue
		case "20", "22":
			permission = "--experimental-permission"
		}
		t.Run(node.Name, func(t *testing.T) {
			dir, ports := t.TempDir(), freePorts(t, 2)
			for name, text := range map[string]string{
				"first.js": fill(plainServer, "PORT", ports[0]), "second.js": fill(plainServer, "PORT", ports[1]),
				"second.env": fmt.Sprintf("NODE_OPTIONS=%s --allow-fs-read=%s/*\n", permission, dir),
			} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			m := runSpec(t, fill(`
apps:
  first:
    command: [NODE, PERMISSION, "--allow-fs-read=DIR/*", first.js]
    working_dir: DIR
    workers: 2
  second:
    command: [NODE, second.js]
    working_dir: DIR
    env_file: second.env
    workers: 2
`, "NODE", node.Path, "PERMISSION", permission, "DIR", dir))
			m.waitRows(t, "all to be ready", ready, "first", "second")
			const told = "Node's permission model"
			bed.Wait(t, "it to be told", func() (bool, string) { return strings.Contains(m.Output.String(), told), m.Output.String() })
			if said := m.Output.String(); strings.Count(said, told) > 1 {
				t.Errorf("it is told more than once:\n%s", said)
			}
		})
	}
}
