package integration

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"goinit/integration/bed"
	"goinit/integration/load"
)

// What one worker may have goinit hold: 64 sockets where it listens, 16 on their way to it and 16 connections, its channel,
// its pipes and its log; and the 253 descriptors of one message, which are closed before the next is read, whoever sends.
const (
	mostDescriptors = 64 + 16 + 16
	ofEach          = 10
	ofOneMessage    = 253
)

// Workers that use Node's channel against goinit: a line without an end, a flood of lines, questions without reading the
// answers, descriptors by the hundred, connections that are never acknowledged. PID 1 stays small, and others are served.
func TestRunHostileNode(t *testing.T) {
	bed.Need(t, "namespace", "node", "python3")
	ports := freePorts(t, 2)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "server.js"), []byte(fill(plainServer, "PORT", ports[0])), 0o644); err != nil {
		t.Fatal(err)
	}
	hostile, err := filepath.Abs("testdata/hostile.py")
	if err != nil {
		t.Fatal(err)
	}
	kinds := []string{"line", "lines", "answers", "handles", "silent"}
	var spec strings.Builder
	fmt.Fprintf(&spec, "apps:\n  unharmed: {command: [node, server.js], working_dir: '%s', workers: 2, balance: round-robin}\n", dir)
	for _, kind := range kinds {
		fmt.Fprintf(&spec, "  %s: {command: [python3, %s, %s, '%d'], node: cluster, balance: round-robin, enabled: false, readiness: {node: true, start_timeout: 10m}}\n", kind, hostile, kind, ports[1])
	}
	m := runSpec(t, spec.String())
	m.waitRows(t, "the others to serve", ready, "unharmed")
	requests := load.Start(load.Options{Address: fmt.Sprintf("127.0.0.1:%d", ports[0])})
	requests.Await(200)
	warm := footprintOf(t, m.PID())

	for _, kind := range kinds {
		m.must(t, "start", kind, "--no-wait")
	}
	for _, kind := range kinds {
		bed.Wait(t, kind+" to begin", func() (bool, string) {
			r := m.ask(t, "logs", kind)
			return strings.Contains(r.Stdout, "begins"), r.Stdout + r.Stderr
		})
	}
	held := 0 // connections that the silent one is given
	bed.Wait(t, "somebody to listen", func() (bool, string) {
		c, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(ports[1]))
		if err != nil {
			return false, err.Error()
		}
		t.Cleanup(func() { c.Close() })
		held++
		return held > 40, ""
	})
	most := footprint{}
	for range 50 {
		requests.Await(20)
		now := footprintOf(t, m.PID())
		most = footprint{max(most.rss, now.rss), max(most.threads, now.threads), max(most.descriptors, now.descriptors)}
	}
	r := requests.Stop()
	t.Logf("PID 1: %v before, at most %v; %d requests", warm, most, r.Answered)
	if r.Failed > 0 {
		t.Errorf("%d of %d requests to others failed: %v", r.Failed, r.Failed+r.Answered, r.Reasons)
	}
	if bound := warm.descriptors + len(kinds)*ofEach + mostDescriptors + ofOneMessage; most.descriptors > bound {
		t.Errorf("%d descriptors, want %d at most", most.descriptors, bound)
	}
	if grown := most.rss - warm.rss; grown > 32<<10 { // of more than a GB; the collector has its own pace
		t.Errorf("%d KiB more than before", grown)
	}
	if most.threads > warm.threads+threadGrowth {
		t.Errorf("%d threads, %d before", most.threads, warm.threads)
	}
}
