package health

import (
	"fmt"
	"strconv"
	"strings"

	"goinit/ipaddr"

	"golang.org/x/sys/unix"
)

// aim is where a probe connects: what comes first is tried first, and the next only where that refused. localhost is two
// addresses, and which of them a program listens on depends on the program.
type aim struct {
	at   []unix.Sockaddr
	host string // as in a URL, without the port
	port int
}

// parseAim reads ":8080", "127.0.0.1:8080", "localhost:8080" or "[::1]:8080".
func parseAim(s string) (aim, error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return aim{}, fmt.Errorf("%q has no port", s)
	}
	port, err := strconv.ParseUint(s[i+1:], 10, 16)
	if err != nil || port == 0 {
		return aim{}, fmt.Errorf("%q has no port", s)
	}
	return aimAt(s[:i], int(port))
}

// aimAt takes an IP address, in brackets where it is of version 6, or localhost, or nothing, which is localhost.
func aimAt(host string, port int) (aim, error) {
	a := aim{host: host, port: port}
	four := &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
	six := &unix.SockaddrInet6{Port: port, Addr: [16]byte{15: 1}}
	switch host {
	case "", "localhost":
		a.host, a.at = "localhost", []unix.Sockaddr{four, six}
		return a, nil
	case "0.0.0.0", "[::]": // where one listens; the kernel would take it for here, too
		a.at = []unix.Sockaddr{four, six}
		return a, nil
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		addr, ok2 := ipaddr.ParseIPv6(inner)
		if !ok || !ok2 {
			return aim{}, fmt.Errorf("%q is not an IPv6 address", host)
		}
		a.at = []unix.Sockaddr{&unix.SockaddrInet6{Port: port, Addr: addr}}
		return a, nil
	}
	addr, ok := ipaddr.ParseIPv4(host)
	if !ok {
		return aim{}, fmt.Errorf("%q is neither an IP address nor localhost, and goinit asks no name server", host)
	}
	a.at = []unix.Sockaddr{&unix.SockaddrInet4{Port: port, Addr: addr}}
	return a, nil
}
