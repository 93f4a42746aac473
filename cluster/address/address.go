// Package address reads and writes the addresses that sockets listen on: what stands behind listen: in a spec, and what
// package cluster opens. It opens nothing itself, so the compiler of specs may have it too.
package address

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"goinit/ipaddr"
)

// Network is the kind of a socket.
type Network uint8

// The networks.
const (
	TCP Network = iota
	Unix
	UDP
)

// MaxPath is the longest path of a unix socket: sun_path of unix(7) has 108 bytes, the last of them NUL.
const MaxPath = 107

// Address is where a socket listens. It is comparable: two that are equal are the same socket.
type Address struct {
	Network Network
	Host    string // an IP literal; empty: any, which is :: for IPv4 too, or 0.0.0.0 where there is no IPv6
	Port    int    // 0: the kernel chooses
	Path    string // of a unix socket; with a NUL in front an abstract one
	V6Only  bool
	Index   int // tells several of port 0 apart
}

// Parse reads ":8080", "127.0.0.1:80", "[::1]:80", "unix:/run/web.sock", "unix:@abstract", "udp:127.0.0.1:53" and, for
// those who like to say it, "tcp::8080". The host is an IP address or localhost, which is 127.0.0.1: nobody is asked for
// names.
func Parse(s string) (Address, error) {
	network, rest := TCP, s
	for prefix, n := range map[string]Network{"tcp:": TCP, "udp:": UDP, "unix:": Unix} {
		if after, ok := strings.CutPrefix(s, prefix); ok {
			network, rest = n, after
		}
	}
	if network == Unix {
		return parsePath(rest)
	}
	a := Address{Network: network}
	colon := strings.LastIndexByte(rest, ':')
	if colon < 0 {
		if _, err := parsePort(rest); err == nil {
			return a, fmt.Errorf("%q is a port, not an address: write %q", clip(s), strings.TrimSuffix(s, rest)+":"+rest)
		}
		return a, unlike(s)
	}
	var err error
	var ok bool
	if a.Host, ok = parseHost(rest[:colon]); !ok {
		return a, unlike(s)
	}
	a.Port, err = parsePort(rest[colon+1:])
	switch {
	case errors.Is(err, strconv.ErrRange):
		return a, fmt.Errorf("%q: there is no port above 65535", clip(s))
	case err != nil:
		return a, unlike(s)
	}
	return a, nil
}

func unlike(s string) error {
	return fmt.Errorf(`%q is not an address: write ":8080", "127.0.0.1:8080", "[::1]:8080", "udp:127.0.0.1:53" or "unix:/run/web.sock", a host as its IP address`, clip(s))
}

func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

func parsePort(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err == nil && strconv.FormatUint(n, 10) != s {
		err = strconv.ErrSyntax
	}
	return int(n), err
}

// parseHost takes an IPv4 address, one of IPv6 in brackets, localhost, and * or nothing for any.
func parseHost(s string) (host string, ok bool) {
	switch {
	case s == "" || s == "*":
		return "", true
	case s == "localhost":
		return "127.0.0.1", true
	case strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]"):
		s = s[1 : len(s)-1]
		_, ok = ipaddr.ParseIPv6(s)
	default:
		_, ok = ipaddr.ParseIPv4(s)
	}
	return s, ok
}

// parsePath takes a path, absolute or not, and @name for an abstract name, as ss(8) writes it.
func parsePath(s string) (Address, error) {
	a := Address{Network: Unix, Path: s}
	switch {
	case s == "" || s == "@" || strings.HasSuffix(s, "/"):
		return a, fmt.Errorf("%q is not the path of a socket: write unix:/run/web.sock", "unix:"+clip(s))
	case strings.IndexByte(s, 0) >= 0:
		return a, fmt.Errorf("%q has a NUL byte: write unix:@name for an abstract name", "unix:"+clip(s))
	case len(s) > MaxPath:
		return a, fmt.Errorf("a path of %d bytes, and a socket's has %d at most", len(s), MaxPath)
	}
	if name, abstract := strings.CutPrefix(s, "@"); abstract {
		a.Path = "\x00" + name
	}
	return a, nil
}

// String is what Parse reads.
func (a Address) String() string {
	if a.Network == Unix {
		if name, abstract := strings.CutPrefix(a.Path, "\x00"); abstract {
			return "unix:@" + name
		}
		return "unix:" + a.Path
	}
	host := a.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	s := host + ":" + strconv.Itoa(a.Port)
	if a.Network == UDP {
		return "udp:" + s
	}
	return s
}
