package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"goinit/integration/bed"
)

// A gap is a case of the suite that is known to fail here, and why. It is run too: one that is closed has to go.
type gap struct {
	id    string
	shows string // a part of what the case then reports; "": it fails at times only
	why   string
}

// goinit as it is shipped passes every case.
func TestConformance(t *testing.T) {
	conformance(t, "conformance", built.goinit, 10000)
}

// A plain go build has the gaps that package entry tells of, and no more.
func TestConformancePlainBuild(t *testing.T) {
	t.Parallel()
	conformance(t, "conformance", built.plain, fewer,
		gap{"process-attributes", "wanted (23, 3, 17,", "package syscall raises the soft limit on open files before any code of goinit's runs"},
		gap{"forward-standard", "lost [23, 27], wrong []", "URG is the Go runtime's for preemption and PROF for profiles: os/signal does not give away those it may have sent itself"},
		gap{"forward-realtime", "lost [34], wrong []", "the Go runtime keeps 34 from os/signal: C libraries use it among their threads"},
	)
}

// goinit for arm64, by an emulator: what the emulator cannot do is no gap of goinit's.
func TestConformanceArm64(t *testing.T) {
	t.Parallel()
	bed.Need(t, "qemu", "qemu-aarch64")
	conformance(t, "qemu", "qemu-aarch64 "+built.arm64, fewer,
		gap{"cmd-not-found", "no message on stderr", "qemu-user makes vfork a fork: why the exec failed stays in the child's copy of the memory, only its status comes back"},
		gap{"subreaper", "orphan went to 1", "qemu-user 7 does not pass on prctl(PR_SET_CHILD_SUBREAPER)"},
		gap{"killed-by-rt-signal", "(64, 190)", "qemu-user keeps real-time signals of the machine to itself and numbers the rest anew"},
		gap{"forward-realtime", "", "qemu-user numbers real-time signals anew and keeps some to itself"},
		gap{"sigign-clean", "", "qemu-user does not let a program change signal 32: what its parent ignores stays ignored"},
		gap{"forward-fault", "", "a SIGILL that goinit blocks, to wait for it, is given to a thread of qemu's own, which crashes of it"},
	)
}

// fewer orphans are enough for what reaps them by the same code as what is shipped.
const fewer = 2000

// conformance runs the suite against an init, which may be several words; orphans are those of its mass.
func conformance(t *testing.T, name, init string, orphans int, gaps ...gap) {
	t.Helper()
	bed.Need(t, name, "python3", "unshare", "bash")
	if testing.Short() {
		t.Skip("the suite takes a minute")
	}
	args := []string{"--orphans", strconv.Itoa(orphans)}
	for _, g := range gaps {
		t.Logf("not asked for: %s: %s", g.id, g.why)
		args = append(args, "--skip", g.id)
	}
	out, failed := suite(t, init, args...)
	t.Logf("%s", out)
	if len(failed) > 0 {
		t.Errorf("failed: %v", failed)
	}
	if !strings.HasSuffix(out, " passed, 0 failed, 0 skipped\n") {
		t.Error("not every case was run and passed")
	}

	for _, g := range gaps {
		_, failed := suite(t, init, "--only", g.id)
		note, is := failed[g.id]
		switch {
		case g.shows != "" && !is:
			t.Errorf("%s passes: the gap is closed, %q is no longer true", g.id, g.why)
		case !strings.Contains(note, g.shows):
			t.Errorf("%s fails in another way than was known: %s", g.id, note)
		}
	}
}

// patient: its times are those of a machine that has nothing else to do.
const patient = "5"

// suite runs conformance.py and returns what it wrote and the notes of the cases that failed.
func suite(t *testing.T, init string, args ...string) (output string, failed map[string]string) {
	t.Helper()
	report := filepath.Join(t.TempDir(), "report.json")
	argv := []string{"conformance/conformance.py", "--json", report, "--patience", patient, "--features", "listen-pid", "--init", init + " --"}
	for _, template := range [][2]string{
		{"group", "-g"}, {"single", ""}, {"rewrite", "-r TERM:QUIT"}, {"drop", "-r 15:0"}, {"remap", "-e 143"},
		{"subreaper", "-s"}, {"pdeath", "-p TERM"}, {"graceful", "--stop-grace 5s"},
	} {
		argv = append(argv, "--init-"+template[0], init+" "+template[1]+" --")
	}
	// In a PID namespace: whatever the suite has started ends with it, and it with the test, even if that is killed.
	cmd := exec.Command("unshare", append(append([]string{"--pid", "--fork", "--kill-child", "--mount-proc", "--", "python3"}, argv...), args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() > 1 { // 1: a case failed
		t.Fatalf("conformance.py: %v\n%s", err, out)
	}
	data, err := os.ReadFile(report)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var r struct {
		Results []struct{ ID, Result, Note string }
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Results) == 0 {
		t.Fatalf("conformance.py %v ran no case", args)
	}
	failed = map[string]string{}
	for _, c := range r.Results {
		if c.Result == "FAIL" {
			failed[c.ID] = c.Note
		}
	}
	return string(out), failed
}
