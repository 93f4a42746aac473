package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goinit/integration/bed"
	"goinit/integration/load"

	"golang.org/x/sys/unix"
)

// A new version of a program with LISTEN_FDS that hangs before it accepts, or serves on a port of its own, replaces nobody
// until it accepts; who is asked all the time answers on. One that replaces a program of which nobody can see whether it accepts
// does so as soon as it has lived for a second.
func TestRunReloadAccepts(t *testing.T) {
	bed.Need(t, "namespace", "python3")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("testdata/listen.py")
	if err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(t.TempDir(), "word")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	host := ownHost(52)
	version := func(broken, selects string) string {
		return fill("apps:\n  accepts: {command: [SELF], workers: 2, listen: ['HOST:8080'], environment: {SERVER: yes, BROKEN: \"WORD\"}}\n"+
			"  selects: {command: [SELECTS], listen: ['HOST:8081'], on_failure: ignore}\n",
			"SELF", self, "HOST", host, "SERVER", listenServer, "BROKEN", brokenListenServer, "WORD", broken, "SELECTS", selects)
	}
	python := "python3, " + script
	m := runSpec(t, version("", python))
	first := pids(m.waitRows(t, "all to run", ready))
	requests := load.Start(load.Options{Address: host + ":8080", Clients: 2})
	unharmed := func(what string) {
		t.Helper()
		requests.Await(50) // by those who serve now
		if r := requests.Result(); r.Failed > 0 {
			t.Errorf("%s: %d of %d failed: %v\n%s", what, r.Failed, r.Failed+r.Answered, r.Reasons, m.Output)
		}
	}
	unharmed("the first")
	give := func() { // whoever waits for it
		t.Helper()
		bed.Wait(t, "somebody to wait for the word", func() (bool, string) {
			f, err := os.OpenFile(fifo, os.O_WRONLY|unix.O_NONBLOCK, 0)
			if err != nil {
				return false, err.Error()
			}
			f.Close()
			return true, ""
		})
	}
	apply := func(spec string) (outcome chan bed.Result) {
		outcome = make(chan bed.Result, 1)
		m.write(t, spec)
		go func() { outcome <- m.ask(t, "apply") }()
		return outcome
	}
	says := "it does not accept on " + host + ":8080, where the worker that it is to replace does"
	waits := func(worker string) {
		t.Helper()
		m.Output.Expect(t, "goinit: "+worker+": "+says+": it is not ready before it does\n"+
			"  if it does so in a way that cannot be seen, let it say when it is ready: readiness: {notify: true}; or, if it is not meant to, have all end before the new ones start: goinit ctl restart\n")
		unharmed("while " + worker + " does not accept")
	}

	outcome := apply(version("elsewhere:"+fifo, python))
	waits("accepts/0")
	m.waitRows(t, "ps to say so", func(r row) bool { return ready(r) || r.State == "starting" && r.Message == says }, "accepts")
	give()
	want := "goinit ctl: reload of accepts stopped at 1 of 2: the new accepts/0 exited with status 3; the 2 old workers serve on\n"
	if r := <-outcome; r.Status != 1 || !strings.HasPrefix(r.Stderr, want) {
		t.Errorf("status %d, %s\nwant %s", r.Status, r.Stderr, want)
	}
	if now := pids(m.waitRows(t, "the old ones alone", ready)); fmt.Sprint(now) != fmt.Sprint(first) {
		t.Errorf("were %v, are %v", first, now)
	}

	outcome = apply(version(fifo, python)) // which hangs, and accepts in the end
	for n := range 2 {
		worker := fmt.Sprint("accepts/", n)
		waits(worker)
		give()
		m.waitRows(t, worker+" to be replaced", func(r row) bool { return *r.Worker != worker || ready(r) && *r.PID != first[worker] }, "accepts")
	}
	if r := <-outcome; r.Status != 0 {
		t.Errorf("status %d", r.Status)
	}
	unharmed("replaced")
	if r := requests.Stop(); r.Failed > 0 || r.Bodies["elsewhere"] > 0 {
		t.Errorf("%+v", r)
	}

	if r := <-apply(version(fifo, "sleep, infinity")); r.Status != 0 {
		t.Errorf("a program that waits in select: status %d", r.Status)
	}
	m.waitRows(t, "its successor", func(r row) bool { return ready(r) && *r.PID != first["selects/0"] }, "selects")
}
