package launch

import (
	"fmt"
	"strings"

	"goinit/reaper"
	"goinit/spec"

	"golang.org/x/sys/unix"
)

// capabilityNames are those of capabilities(7), in the order of their numbers.
var capabilityNames = [...]string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
	"NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO",
	"SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME",
	"SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
	"WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
}

func capability(name string) (uint64, bool) {
	name = strings.TrimPrefix(strings.ToUpper(name), "CAP_")
	for n, known := range capabilityNames {
		if known == name {
			return 1 << n, true
		}
	}
	return 0, false
}

// held are the capabilities that goinit itself may give.
type held struct{ bounding, permitted uint64 }

// narrows reports whether the bounding set may be made smaller (PR_CAPBSET_DROP): not by a goinit that is not root, or
// of which the engine has dropped all.
func (h held) narrows() bool {
	bit, _ := capability("SETPCAP")
	return h.permitted&bit != 0
}

// sealed reports whether we are under no_new_privs, and so is whoever we start.
func sealed() bool {
	set, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	return err == nil && set == 1
}

func ownCapabilities() (held, error) {
	var h held
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return h, fmt.Errorf("read own capabilities: %w", err)
	}
	h.permitted = uint64(data[0].Permitted) | uint64(data[1].Permitted)<<32
	for n := range 64 {
		set, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0)
		if err != nil {
			break // beyond the kernel's last
		}
		if set == 1 {
			h.bounding |= 1 << n
		}
	}
	return h, nil
}

// capabilities are drop, then add, on what goinit itself has (in a container: what the engine gave it). A user that is
// not root starts with what was added, and nothing else; root with all of it. nil: as execve does by itself.
//
// The bounding set is for what execve would give beyond that: set-user-ID programs and capabilities of files. Under no_new_privs it
// gives none (Documentation/userspace-api/no_new_privs.rst), so there it may stay as wide as it is, where we may not narrow it.
func capabilities(c spec.Capabilities, own held, root, noNewPrivileges bool) (*reaper.Capabilities, error) {
	if len(c.Drop) == 0 && len(c.Add) == 0 {
		return nil, nil
	}
	bounding := own.bounding
	for _, name := range c.Drop {
		if strings.EqualFold(name, "ALL") {
			bounding = 0
			continue
		}
		bit, ok := capability(name)
		if !ok {
			return nil, fmt.Errorf("capabilities: drop: there is no %q (capabilities(7))", name)
		}
		bounding &^= bit
	}
	added := uint64(0)
	for _, name := range c.Add {
		bit, ok := capability(name)
		if strings.EqualFold(name, "ALL") {
			bit, ok = own.permitted, true
		}
		if !ok {
			return nil, fmt.Errorf("capabilities: add: there is no %q (capabilities(7))", name)
		}
		if bit&^(own.permitted&own.bounding) != 0 {
			return nil, fmt.Errorf("capabilities: add: goinit has no %s itself: docker run --cap-add %s, or securityContext.capabilities.add", name, name)
		}
		added |= bit
	}
	bounding |= added
	caps := &reaper.Capabilities{Bounding: bounding}
	if noNewPrivileges && !own.narrows() {
		caps.Bounding = own.bounding
	}
	if root {
		caps.Permitted = bounding & own.permitted
		return caps, nil
	}
	caps.Permitted, caps.Inheritable, caps.Ambient = added, added, added
	return caps, nil
}
