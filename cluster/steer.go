package cluster

import (
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// steer puts a program before the group of an address that picks one of the active slots' sockets by chance. It is classic
// BPF (Documentation/networking/filter.rst), which needs no privilege: an index into the group is what it returns, and the
// sockets stand in the group in the order in which they began to listen. The kernel falls back to its own choice, by a
// hash, where a program returns nonsense, so a mistake here loses nothing.
//
// By chance and not by the hash of the addresses: the kernel's hash is not there for every packet (SKF_AD_RXHASH is 0 on the
// loopback), and only the first packet of a connection is asked about.
func (g *group) steer() error {
	if !g.steered() {
		return nil
	}
	var indexes []int
	for i, s := range g.sockets {
		if g.isActive(i, s) {
			indexes = append(indexes, i)
		}
	}
	if len(indexes) == 0 { // none of them has a socket here yet
		for i := range g.sockets {
			indexes = append(indexes, i)
		}
	}
	program := pickOneOf(indexes)
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	// The program is the group's: any of its sockets will do. It takes the place of the one before in one step.
	return attach(g.sockets[0].fd, &fprog)
}

// isActive says whether one of the sockets has somebody who is in the balance.
func (g *group) isActive(i int, s *slotSocket) bool {
	return slices.Contains(g.active, s.slot) || i == 0 && slices.Contains(g.active, AnySlot)
}

func attach(fd int, program *unix.SockFprog) error {
	_, _, errno := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
		uintptr(unsafe.Pointer(program)), unsafe.Sizeof(*program), 0)
	if errno != 0 {
		return os.NewSyscallError("setsockopt SO_ATTACH_REUSEPORT_CBPF", errno)
	}
	return nil
}

// Instructions of linux/bpf_common.h and linux/filter.h.
const (
	loadAbsolute  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	moduloBy      = unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K
	jumpIfEqual   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	returnValue   = unix.BPF_RET | unix.BPF_K
	returnA       = unix.BPF_RET | 0x10 // BPF_A
	ancillaryBase = 0xfffff000          // SKF_AD_OFF, -0x1000
	randomNumber  = ancillaryBase + 56  // SKF_AD_RANDOM
)

// maxSteered keeps a program below BPF_MAXINSNS, 4096, with two instructions for each choice.
const maxSteered = 2000

// pickOneOf returns one of these indexes by chance. Where they are the first ones it needs no table.
func pickOneOf(indexes []int) []unix.SockFilter {
	indexes = indexes[:min(len(indexes), maxSteered)]
	program := []unix.SockFilter{
		{Code: loadAbsolute, K: randomNumber},
		{Code: moduloBy, K: uint32(len(indexes))},
	}
	if indexes[len(indexes)-1] == len(indexes)-1 {
		return append(program, unix.SockFilter{Code: returnA})
	}
	for i, index := range indexes[:len(indexes)-1] {
		program = append(program,
			unix.SockFilter{Code: jumpIfEqual, K: uint32(i), Jf: 1},
			unix.SockFilter{Code: returnValue, K: uint32(index)})
	}
	return append(program, unix.SockFilter{Code: returnValue, K: uint32(indexes[len(indexes)-1])})
}
