// Package ipaddr reads IP addresses. Package net/netip does that too, and brings package unique, which starts a goroutine;
// it is the oracle of the tests.
package ipaddr

import (
	"errors"
	"strconv"
	"strings"
)

// ParseIPv4 reads four decimal numbers.
func ParseIPv4(s string) (addr [4]byte, ok bool) {
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

// ParseIPv6 reads RFC 4291's text, without brackets and without a zone.
func ParseIPv6(s string) (addr [16]byte, ok bool) {
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
			four, ok := ParseIPv4(p)
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
