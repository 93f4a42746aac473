package ipaddr

import (
	"net/netip"
	"strings"
	"testing"
)

func FuzzIPv6(f *testing.F) {
	for _, s := range []string{"::1", "::", "1:2:3:4:5:6:7:8", "fe80::1", "::ffff:1.2.3.4", "1::8", "1:2::3::4", ":1", "12345::", "1:2:3:4:5:6:7::", "1:2:3:4:5:6:1.2.3.4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "%") {
			return
		}
		got, ok := ParseIPv6(s)
		want, err := netip.ParseAddr(s)
		if isWant := err == nil && strings.Contains(s, ":"); ok != isWant || ok && got != want.As16() {
			t.Errorf("%q: %v %v, want %v %v", s, got, ok, want, err)
		}
	})
}

func FuzzIPv4(f *testing.F) {
	for _, s := range []string{"127.0.0.1", "1.2.3", "256.1.1.1", "01.2.3.4", "1.2.3.4.5", "", "+1.2.3.4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := ParseIPv4(s)
		want, err := netip.ParseAddr(s)
		if isWant := err == nil && want.Is4(); ok != isWant || ok && got != want.As4() {
			t.Errorf("%q: %v %v, want %v %v", s, got, ok, want, err)
		}
	})
}
