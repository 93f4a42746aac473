package cluster

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"goinit/ipaddr"

	"golang.org/x/sys/unix"
)

// Holder is who has an address that could not be had.
type Holder struct {
	PID  int
	Name string // as in /proc/PID/comm
}

const (
	maxTable   = 8 << 20 // of one file of /proc/net: 50,000 sockets
	stateBound = "07"    // of UDP in /proc/net/udp: TCP_CLOSE
	listening  = "0A"    // of TCP: TCP_LISTEN
)

// WhoHolds looks for it in /proc (proc(5), net/tcp and its kin): for the message about an address in use. ok is false where
// /proc does not tell: somebody else's process, another namespace of pids.
func WhoHolds(a Address) (h Holder, ok bool) {
	inodes := map[string]bool{}
	for _, table := range tables(a) {
		for _, line := range strings.Split(readTable(table), "\n") {
			if inode := holds(a, strings.Fields(line)); inode != "" && inode != "0" {
				inodes[inode] = true
			}
		}
	}
	if len(inodes) == 0 {
		return h, false
	}
	processes, _ := os.ReadDir("/proc")
	for _, p := range processes {
		pid, err := strconv.Atoi(p.Name())
		if err != nil || !hasSocket(pid, inodes) {
			continue
		}
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		return Holder{pid, strings.TrimSpace(string(comm))}, true
	}
	return h, false
}

func tables(a Address) []string {
	switch a.Network {
	case Unix:
		return []string{"/proc/net/unix"}
	case UDP:
		return []string{"/proc/net/udp", "/proc/net/udp6"}
	}
	return []string{"/proc/net/tcp", "/proc/net/tcp6"}
}

func readTable(path string) string {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	var all []byte
	buffer := make([]byte, 64<<10)
	for len(all) < maxTable {
		n, err := unix.Read(fd, buffer)
		if n <= 0 || err != nil {
			break
		}
		all = append(all, buffer[:n]...)
	}
	return string(all)
}

// holds is the inode of a line's socket, if it is one that has the address.
func holds(a Address, f []string) string {
	if a.Network == Unix {
		// Num RefCount Protocol Flags Type St Inode Path; flag 0x10000 is __SO_ACCEPTCON
		if len(f) == 8 && f[3] == "00010000" && f[7] == strings.Replace(a.Path, "\x00", "@", 1) {
			return f[6]
		}
		return ""
	}
	// sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
	if len(f) < 10 {
		return ""
	}
	state := listening
	if a.Network == UDP {
		state = stateBound
	}
	host, port, _ := strings.Cut(f[1], ":")
	if n, err := strconv.ParseUint(port, 16, 16); err != nil || int(n) != a.Port || f[3] != state || !overlap(a.Host, host) {
		return ""
	}
	return f[9]
}

// overlap reports whether a host and one of /proc/net are the same, or one of them is any.
func overlap(host, table string) bool {
	if everywhere := strings.Trim(table, "0") == ""; everywhere || host == "" || host == "::" || host == "0.0.0.0" {
		return true
	}
	if four, ok := ipaddr.ParseIPv4(host); ok {
		return strings.HasSuffix(table, words(four[:])) // in tcp6 behind that of a mapped address
	}
	six, _ := ipaddr.ParseIPv6(host)
	return table == words(six[:])
}

// words are the bytes of an address as /proc/net has them: numbers of 32 bits in the machine's order, which is little-endian
// wherever goinit runs.
func words(address []byte) string {
	var b strings.Builder
	for ; len(address) >= 4; address = address[4:] {
		fmt.Fprintf(&b, "%02X%02X%02X%02X", address[3], address[2], address[1], address[0])
	}
	return b.String()
}

func hasSocket(pid int, inodes map[string]bool) bool {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	fds, _ := os.ReadDir(dir)
	for _, fd := range fds {
		to, err := os.Readlink(dir + "/" + fd.Name())
		if err != nil {
			continue
		}
		if inode, ok := strings.CutPrefix(to, "socket:["); ok && inodes[strings.TrimSuffix(inode, "]")] {
			return true
		}
	}
	return false
}
