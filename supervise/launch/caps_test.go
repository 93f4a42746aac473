package launch

import (
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// docker are the capabilities of Docker's default profile. SYS_PTRACE is not among them, nor what newer kernels take for
// it when somebody reads: PERFMON and SYS_ADMIN.
const docker = 0xa80425fb

// asInDocker leaves every thread Docker's capabilities.
func asInDocker(t *testing.T) {
	t.Helper()
	own, err := ownCapabilities()
	if err != nil {
		t.Fatal(err)
	}
	left := own.permitted & docker
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{{Effective: uint32(left), Permitted: uint32(left)}, {Effective: uint32(left >> 32), Permitted: uint32(left >> 32)}}
	if err := allThreadsCapset(&header, &data[0]); err != nil {
		t.Fatal(err)
	}
}

func allThreadsCapset(h *unix.CapUserHeader, d *unix.CapUserData) error {
	_, _, e := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(h)), uintptr(unsafe.Pointer(d)), 0)
	if e != 0 {
		return e
	}
	return nil
}
