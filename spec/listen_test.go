package spec

import (
	"strings"
	"testing"
)

// node: auto is cluster where Node runs a program's file by itself.
func TestNodeAuto(t *testing.T) {
	for command, want := range map[string]string{
		"node server.js":            NodeCluster,
		"/usr/bin/nodejs server.js": NodeCluster,
		"node .":                    NodeCluster,
		"node --enable-source-maps server.js --watch": NodeCluster, // the script's
		"node -r ./a.js --import=tsx server.ts":       NodeCluster,
		"node --import tsx server.ts -e":              NodeCluster,
		"node --env-file .env -- server.js":           NodeCluster,
		"node --max-old-space-size=512 server.js run": NodeCluster,
		"node":                             NodeOff,
		"node -":                           NodeOff,
		"node --":                          NodeOff,
		"node --enable-source-maps":        NodeOff,
		"node -r ./a.js":                   NodeOff,
		"node -r":                          NodeOff,
		"node --run start":                 NodeOff,
		"node --run=start":                 NodeOff,
		"node -e process.exit() x.js":      NodeOff,
		"node --import tsx --eval serve()": NodeOff,
		"node -p 1":                        NodeOff,
		"node -pe 1":                       NodeOff,
		"node --print 1":                   NodeOff,
		"node -i server.js":                NodeOff,
		"node --test a.test.js":            NodeOff,
		"node --watch server.js":           NodeOff,
		"node -r ./a.js --watch-path=./src server.js": NodeOff,
		"deno run server.js":                          NodeOff,
		"npm start":                                   NodeOff,
	} {
		a := NewApp("web", strings.Fields(command)...)
		if got := a.NodeChannel(); got != NodeOff {
			t.Errorf("%s, with one worker: %s", command, got)
		}
		a.Workers = Workers{Count: 2}
		if got := a.NodeChannel(); got != want {
			t.Errorf("%s: %s, want %s", command, got, want)
		}
		if a.Node = NodeCluster; a.NodeChannel() != NodeCluster {
			t.Errorf("%s: is not what is written", command)
		}
	}
}
