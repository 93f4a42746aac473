package gateway

import "golang.org/x/sys/unix"

const (
	arch    = unix.AUDIT_ARCH_AARCH64
	foreign = 0 // there is one table
)

// old are the calls that newer machines have in one form only: none here but one.
var old = []uintptr{unix.SYS_RENAMEAT}
