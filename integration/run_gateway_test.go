package integration

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"goinit/integration/bed"
)

// gatewayWorker is the gateway in ps.
const gatewayWorker = "goinit.gateway/0"

// gatewayed is a goinit with a gateway, and without control groups: with them, all goinits that are PID 1 of a mere PID
// namespace would have the same one for it.
func gatewayed(t *testing.T, host int, apps string) (m *manager, address string) {
	t.Helper()
	t.Setenv("GOINIT_CGROUP", "off")
	address = ownHost(host) + ":9180"
	m = bootSpec(t, "gateway: {listen: \""+address+"\"}\n"+apps)
	return m, address
}

// page asks for one; a status of 0 is no answer. On a busy machine goinit may take longer than the gateway has patience.
func page(address, path string) (status int, body string) {
	for range 100 {
		if status, body = ask(address, path); !strings.Contains(body, "goinit does not answer") {
			break
		}
	}
	return status, body
}

func ask(address, path string) (status int, body string) {
	client := &http.Client{Timeout: bed.Deadline, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + address + path)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error()
	}
	return answer.StatusCode, string(text)
}

func waitPage(t *testing.T, address, path string, status int, part string) {
	t.Helper()
	bed.Wait(t, fmt.Sprintf("%s to answer %d %q", path, status, part), func() (bool, string) {
		got, body := page(address, path)
		return got == status && strings.Contains(body, part), fmt.Sprint(got, " ", body)
	})
}

// outside is the pid of a process of a namespace as we see it: of those below its PID 1, the one with this NSpid.
func outside(t *testing.T, init, pid int) int {
	t.Helper()
	for _, dir := range glob(t, "/proc/[0-9]*/status") {
		text, err := os.ReadFile(dir)
		if err != nil {
			continue
		}
		var parent int
		var ids []string
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "PPid:" {
				parent, _ = strconv.Atoi(f[1])
			} else if len(f) > 1 && f[0] == "NSpid:" {
				ids = f[1:]
			}
		}
		if parent == init && len(ids) > 1 && ids[len(ids)-1] == strconv.Itoa(pid) {
			id, _ := strconv.Atoi(ids[0])
			return id
		}
	}
	t.Fatalf("no process %d below %d", pid, init)
	return 0
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	all, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The pages follow what happens to the apps, to the end, at which the gateway is the last. Nobody means it by all.
func TestGateway(t *testing.T) {
	dir := t.TempDir()
	m, address := gatewayed(t, 20, `apps:
  serve: {command: sleep 1000, workers: 2}
  slow: {command: sleep 1000, depends_on: {serve: started}, readiness: {exec: [test, -e, `+dir+`/ready], start_timeout: 1h, period: 100ms, failure_threshold: 1}}
  last: {shell: "trap 'until [ -e `+dir+`/end ]; do sleep 0.1; done; exit 0' TERM; echo >&3; while :; do sleep 0.1; done", readiness: {fd: 3}, stop: {timeout: 10m}}
`)
	waitPage(t, address, "/readyz", 503, "[-]slow failed: starting\n")
	waitPage(t, address, "/startupz", 503, "[-]slow failed: starting\n")
	waitPage(t, address, "/livez", 200, "ok")
	if err := os.WriteFile(dir+"/ready", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	waitPage(t, address, "/readyz", 200, "ok")
	waitPage(t, address, "/startupz", 200, "ok")
	if err := os.Remove(dir + "/ready"); err != nil {
		t.Fatal(err)
	}
	waitPage(t, address, "/readyz/slow", 503, "[-]slow failed: running\n")
	if status, body := page(address, "/startupz/slow"); status != 200 {
		t.Errorf("/startupz: %d %s", status, body)
	}

	before := m.ps(t, gatewayWorker)[0]
	m.must(t, "restart", "serve", "slow", "--no-wait")
	m.must(t, "stop", "all", "--no-wait")
	m.waitRows(t, "serve to be stopped", func(r row) bool { return r.State == "stopped" }, "serve")
	if err := os.WriteFile(dir+"/end", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	m.waitRows(t, "all to be stopped", func(r row) bool { return r.State == "stopped" }, "last", "slow")
	if after := m.ps(t, gatewayWorker)[0]; after.PID == nil || *after.PID != *before.PID {
		t.Errorf("all means the gateway: it was %v, and is %v", before, after)
	}
	if r := m.run(t, "restart", "goinit.gateway"); r.Status != 1 || !strings.Contains(r.Stderr, "is goinit's own") {
		t.Errorf("restart of the gateway: %d %s", r.Status, r.Stderr)
	}
	if r := m.run(t, "health", "--live"); r.Status != 0 || strings.Contains(r.Stdout, "gateway") {
		t.Errorf("health: %d %s", r.Status, r.Stdout)
	}

	if err := os.Remove(dir + "/end"); err != nil {
		t.Fatal(err)
	}
	m.must(t, "start", "last") // and it has said that it is ready
	waitPage(t, address, "/readyz/last", 200, "ok")
	m.Signal(t, syscall.SIGTERM)
	waitPage(t, address, "/readyz", 503, "[-]last failed: goinit is stopping\n")
	waitPage(t, address, "/livez", 200, "ok")
	if err := os.WriteFile(dir+"/end", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if status := m.Wait(); status != 0 {
		t.Errorf("the end: status %d\n%s", status, m.Output)
	}
	if !strings.Contains(m.Output.String(), gatewayWorker+" exited with status 0") {
		t.Errorf("the gateway's end:\n%s", m.Output)
	}
}

// apply adds it, moves it without a request lost, and takes it away; an address that cannot be had refuses the whole spec.
func TestGatewayIsApplied(t *testing.T) {
	t.Setenv("GOINIT_CGROUP", "off")
	const apps = "apps:\n  serve: {command: sleep 1000}\n"
	first, second := ownHost(21)+":9180", ownHost(21)+":9181"
	m := runSpec(t, apps)
	if rows := m.ps(t); len(rows) != 1 {
		t.Errorf("without a gateway: %v", rows)
	}
	m.write(t, "gateway: {listen: \""+first+"\"}\n"+apps)
	if out := m.must(t, "apply"); !strings.Contains(out, "goinit.gateway  add") {
		t.Errorf("apply: %s", out)
	}
	waitPage(t, first, "/readyz", 200, "ok")
	m.write(t, "gateway: {listen: \"${ELSEWHERE:-"+second+"}\"}\n"+apps)
	m.must(t, "apply")
	waitPage(t, second, "/readyz", 200, "ok")
	taken, err := net.Listen("tcp", ownHost(21)+":9182")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	m.write(t, "gateway: {listen: \""+taken.Addr().String()+"\"}\n"+apps+"  more: {command: sleep 1000}\n")
	r := m.run(t, "apply")
	if r.Status != 1 || !strings.Contains(r.Stderr, "nothing was changed: cannot listen on "+taken.Addr().String()+" for goinit.gateway: it is in use") {
		t.Errorf("apply of an address that is in use: %d %s", r.Status, r.Stderr)
	}
	if status, body := page(second, "/readyz?verbose"); status != 200 || strings.Contains(body, "more") {
		t.Errorf("what was refused: %d %s", status, body)
	}
	m.write(t, apps)
	m.must(t, "apply")
	bed.Wait(t, "the gateway to go", func() (bool, string) {
		status, body := page(second, "/livez")
		return status == 0, body
	})
	m.waitRows(t, "the gateway to leave ps", func(r row) bool { return r.App == "serve" })
}

// Its death is nobody's business: requests wait for its successor, goinit's descriptors stay as many, the apps go on.
func TestGatewayDies(t *testing.T) {
	m, address := gatewayed(t, 22, "apps:\n  serve: {command: sleep 1000}\n")
	waitPage(t, address, "/readyz", 200, "ok")
	serve := *m.waitWorker(t, "serve to run", "serve/0", func(r row) bool { return r.PID != nil && r.Ready }).PID
	before := footprintOf(t, m.PID())
	for range deaths(t) {
		m.killGateway(t)
		if status, body := page(address, "/readyz"); status != 200 && status != 0 { // 0: the one that died had taken it already
			t.Errorf("/readyz after a death: %d %s", status, body)
		}
		waitPage(t, address, "/readyz", 200, "ok")
	}
	sameDescriptors(t, m, before)
	if r := m.ps(t, "serve")[0]; r.PID == nil || *r.PID != serve {
		t.Errorf("serve: %v, was pid %d", r, serve)
	}
}

// deaths is how often it is killed: each costs a second of back-off after the first ones.
func deaths(t *testing.T) int {
	if n, err := strconv.Atoi(os.Getenv("GOINIT_GATEWAY_DEATHS")); err == nil {
		t.Logf("%d deaths", n)
		return n
	}
	return 6
}

// killGateway kills it, and waits until goinit knows of its successor.
func (m *manager) killGateway(t *testing.T) {
	t.Helper()
	old := *m.waitWorker(t, "the gateway to run", gatewayWorker, func(r row) bool { return r.PID != nil && r.State == "running" }).PID
	if err := syscall.Kill(outside(t, m.PID(), old), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	m.waitWorker(t, "another gateway", gatewayWorker, func(r row) bool { return r.PID != nil && *r.PID != old && r.State == "running" })
}

// sameDescriptors waits until PID 1 has no more of them than before; who asks for ps has one for a moment.
func sameDescriptors(t *testing.T, m *manager, before footprint) {
	t.Helper()
	bed.Wait(t, fmt.Sprintf("PID 1 to have %d descriptors", before.descriptors), func() (bool, string) {
		now := footprintOf(t, m.PID())
		return now.descriptors <= before.descriptors, now.String()
	})
}

// stalled are connections of the kinds that a gateway is flooded with. What becomes of them is the gateway's choice.
func stalled(t *testing.T, address, say string, count int) {
	t.Helper()
	for range count {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err) // the queue of the socket is goinit's, and takes them
		}
		t.Cleanup(func() { conn.Close() })
		_ = conn.SetWriteDeadline(time.Now().Add(bed.Deadline))
		_, _ = io.WriteString(conn, say)
	}
}

// A flood is the gateway's trouble: it answers others meanwhile, or its successor does; goinit answers as ever, has as many
// descriptors as before, and nothing was written.
func TestGatewayIsFlooded(t *testing.T) {
	m, address := gatewayed(t, 23, "apps:\n  serve: {command: sleep 1000}\n")
	waitPage(t, address, "/readyz", 200, "ok")
	quiet, before := m.latency(t), footprintOf(t, m.PID())
	wrote := bytesWritten(t, m)
	for _, flood := range []struct {
		name, say string
		count     int
	}{
		{"requests that do not end", "GET /readyz HTTP/1.1\r\nHost: x\r\nX: ", 500},
		{"connections that say nothing", "", 2000},
		{"long headers", "GET /readyz HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 64<<10), 100},
		{"garbage", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 100},
		{"scrapes that nobody reads", strings.Repeat("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 20), 100},
	} {
		t.Run(flood.name, func(t *testing.T) {
			stalled(t, address, flood.say, flood.count)
			waitPage(t, address, "/readyz", 200, "ok")
			now := m.latency(t)
			t.Logf("ps took %v, and before the flood %v: %.2f times", now, quiet, float64(now)/float64(quiet))
		})
	}
	sameDescriptors(t, m, before)
	if now := bytesWritten(t, m); now != wrote {
		t.Errorf("the log of the gateway: %d bytes, and %d before", now, wrote)
	}
}

// latency is the median of some ps, by one client.
func (m *manager) latency(t *testing.T) time.Duration {
	t.Helper()
	var all []time.Duration
	for range 15 {
		began := time.Now()
		m.must(t, "ps")
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// bytesWritten is what the gateway has said.
func bytesWritten(t *testing.T, m *manager) int {
	t.Helper()
	return len(m.must(t, "logs", "goinit.gateway", "-n", "all"))
}
