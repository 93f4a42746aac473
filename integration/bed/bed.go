// Package bed makes the places in which goinit is tried out: a bed is something real that runs goinit as its init. So far
// there are a PID namespace of this machine (Namespace), a Docker engine (Docker, Engine), a virtual machine with its
// own kernel (Machine), and a kubelet with its pods, alone or in a cluster (Kubelet, Cluster).
//
// Every bed keeps these rules, and a new one has to:
//
//   - It asks with Need for what it is made of. Where that is missing the test is skipped, with the reason; it fails
//     instead where the environment variable GOINIT_BEDS names the bed, as in GOINIT_BEDS=namespace,docker.
//   - It leaves nothing behind: no process, mount, control group or file; neither when a test fails nor when it is killed.
//   - It ends only processes that it started, by their id.
//   - Nothing listens or connects beyond this machine: unix sockets and 127.0.0.1; a bridge only in a network namespace of the bed's own.
//   - States are waited for (Wait, Output.Expect), with a deadline; nothing sleeps and hopes.
//
// Only tests import this package.
package bed

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Need skips the test if this process is not root or a program is not in PATH, or fails it if GOINIT_BEDS names the bed.
func Need(t testing.TB, bed string, programs ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		Without(t, bed, "it needs root")
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			Without(t, bed, program+" is not installed")
		}
	}
}

// Without ends a test that cannot have its bed: it is skipped, or fails if GOINIT_BEDS names the bed.
func Without(t testing.TB, bed, reason string) {
	t.Helper()
	if demanded := strings.FieldsFunc(os.Getenv("GOINIT_BEDS"), func(r rune) bool { return r == ',' || r == ' ' }); slices.Contains(demanded, bed) {
		t.Fatalf("no bed %s: %s, and GOINIT_BEDS asks for it", bed, reason)
	}
	t.Skipf("no bed %s: %s", bed, reason)
}
