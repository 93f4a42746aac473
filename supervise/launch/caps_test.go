package launch

import (
	"os"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// docker are the capabilities of Docker's default profile. SYS_PTRACE is not among them, nor what newer kernels take for
// it when somebody reads: PERFMON and SYS_ADMIN.
const docker = 0xa80425fb

// asInDocker goes on with no more than Docker's capabilities: it executes the test once more, with a smaller bounding set.
func asInDocker(t *testing.T) {
	t.Helper()
	own, err := ownCapabilities()
	if err != nil {
		t.Fatal(err)
	}
	if own.permitted&^docker == 0 {
		return
	}
	runtime.LockOSThread()
	for n := range len(capabilityNames) {
		if docker>>n&1 == 0 {
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(n), 0, 0, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Fatal(syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), mountedVariable+"=1")))
}
