package health

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// aim is where a probe connects: what comes first is tried first, and the next only where that refused. localhost is two
// addresses, and which of them a program listens on depends on the program.
type aim struct {
	at   []unix.Sockaddr
	host string // for a Host header, without the port
	port int    // 0: a unix socket
}

// parseAim reads ":8080", "127.0.0.1:8080", "localhost:8080", "[::1]:8080" or "unix:/run/web.sock".
func parseAim(s string) (aim, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" || len(path) > 107 { // sun_path of unix(7)
			return aim{}, fmt.Errorf("%q is not the path of a socket", s)
		}
		return aim{at: []unix.Sockaddr{&unix.SockaddrUnix{Name: path}}, host: "localhost"}, nil
	}
	s = strings.TrimPrefix(s, "tcp:")
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
		addr, ok2 := parseIPv6(inner)
		if !ok || !ok2 {
			return aim{}, fmt.Errorf("%q is not an IPv6 address", host)
		}
		a.at = []unix.Sockaddr{&unix.SockaddrInet6{Port: port, Addr: addr}}
		return a, nil
	}
	addr, ok := parseIPv4(host)
	if !ok {
		return aim{}, fmt.Errorf("%q is neither an IP address nor localhost, and goinit asks no name server", host)
	}
	a.at = []unix.Sockaddr{&unix.SockaddrInet4{Port: port, Addr: addr}}
	return a, nil
}

// parseIPv4 reads four decimal numbers. Package net/netip starts a goroutine for its zones.
func parseIPv4(s string) (addr [4]byte, ok bool) {
	parts := strings.Split(s, ".")
	if len(parts) != 4 {
		return addr, false
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 8)
		if err != nil || len(p) > 1 && p[0] == '0' {
			return addr, false
		}
		addr[i] = byte(n)
	}
	return addr, true
}

// parseIPv6 reads RFC 4291's text, without a zone.
func parseIPv6(s string) (addr [16]byte, ok bool) {
	head, tail, cut := strings.Cut(s, "::")
	first, err1 := groups(head, !cut)
	last, err2 := groups(tail, true)
	n := len(first) + len(last)
	if err1 != nil || err2 != nil || !cut && n != 16 || cut && n > 14 || cut && strings.Contains(tail, "::") {
		return addr, false
	}
	copy(addr[:], first)
	copy(addr[16-len(last):], last)
	return addr, true
}

// groups are the bytes of groups of four hexadecimal digits; where they are the end of the address, the last may be an
// IPv4 address.
func groups(s string, end bool) (out []byte, err error) {
	if s == "" {
		return nil, nil
	}
	bad := errors.New("not an address")
	parts := strings.Split(s, ":")
	for i, p := range parts {
		if end && i == len(parts)-1 && strings.Contains(p, ".") {
			four, ok := parseIPv4(p)
			if !ok {
				return nil, bad
			}
			out = append(out, four[:]...)
			continue
		}
		n, err := strconv.ParseUint(p, 16, 16)
		if err != nil || len(p) > 4 {
			return nil, bad
		}
		out = append(out, byte(n>>8), byte(n))
	}
	return out, nil
}
