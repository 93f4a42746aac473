package control

import (
	"encoding/binary"
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// access is what a client may do.
type access int

const (
	none    access = iota
	observe        // ask how everything is, and for nothing that a worker has said or was given
	read           // look
	write          // and touch
)

func (a access) String() string { return [...]string{"none", "observe", "read", "write"}[a] }

// peer is who is at the other end, as the kernel says: as it was when it connected.
type peer struct {
	uid, gid uint32
	access   access
}

func (p peer) notAllowed(method string) error {
	if p.access == observe {
		return Errorf(NotAllowed, "the gateway may not call %s", method)
	}
	return Errorf(NotAllowed, "uid %d may only look: %s is for root and goinit's own user", p.uid, method)
}

// identify asks the kernel. Root and goinit's own user may do everything, the read group may look.
func identify(fd int, readGroup int) (peer, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return peer{}, err
	}
	p := peer{uid: cred.Uid, gid: cred.Gid}
	switch {
	case p.uid == 0 || int(p.uid) == os.Geteuid():
		p.access = write
	case readGroup < 0:
	case p.gid == uint32(readGroup) || slices.Contains(peerGroups(fd), uint32(readGroup)):
		p.access = read
	}
	return p, nil
}

// peerGroups are the peer's supplementary groups (SO_PEERGROUPS, socket(7)); none if they cannot be had (Linux < 4.13).
func peerGroups(fd int) []uint32 {
	const most = 65536 // NGROUPS_MAX
	buf := make([]byte, 32*4)
	for range 2 {
		size := uint32(len(buf))
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&buf[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == 0:
			groups := make([]uint32, size/4)
			for i := range groups {
				groups[i] = binary.NativeEndian.Uint32(buf[4*i:])
			}
			return groups
		case errno != unix.ERANGE || size > most*4:
			return nil
		}
		buf = make([]byte, size)
	}
	return nil
}
