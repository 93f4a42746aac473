package address

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for s, want := range map[string]Address{
		":8080":             {Port: 8080},
		"*:80":              {Port: 80},
		"tcp::80":           {Port: 80},
		"127.0.0.1:80":      {Host: "127.0.0.1", Port: 80},
		"localhost:80":      {Host: "127.0.0.1", Port: 80},
		"[::1]:80":          {Host: "::1", Port: 80},
		"udp:127.0.0.1:53":  {Network: UDP, Host: "127.0.0.1", Port: 53},
		"udp::53":           {Network: UDP, Port: 53},
		"unix:/run/web":     {Network: Unix, Path: "/run/web"},
		"unix:web.sock":     {Network: Unix, Path: "web.sock"},
		"unix:@web":         {Network: Unix, Path: "\x00web"},
		"tcp:[::1]:0":       {Host: "::1"},
		"unix:/a b:c/d.soc": {Network: Unix, Path: "/a b:c/d.soc"},
	} {
		got, err := Parse(s)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v", s, got, err)
			continue
		}
		if again, err := Parse(got.String()); err != nil || again != got {
			t.Errorf("%q becomes %q, which is %+v, %v", s, got.String(), again, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const forms = `is not an address: write ":8080", "127.0.0.1:8080", "[::1]:8080", "udp:127.0.0.1:53" or "unix:/run/web.sock", a host as its IP address`
	for s, want := range map[string]string{
		"8080":                              `"8080" is a port, not an address: write ":8080"`,
		"udp:53":                            `"udp:53" is a port, not an address: write "udp::53"`,
		"":                                  forms,
		":":                                 forms,
		":65536":                            `":65536": there is no port above 65535`,
		"localhost:99999":                   `"localhost:99999": there is no port above 65535`,
		"web.example:99999":                 forms,
		":080":                              forms,
		":-1":                               forms,
		"web.example:80":                    forms,
		"::1:80":                            forms,
		"[127.0.0.1]:80":                    forms,
		"[::1":                              forms,
		"http://127.0.0.1:80":               forms,
		"unix:":                             `"unix:" is not the path of a socket: write unix:/run/web.sock`,
		"unix:@":                            `"unix:@" is not the path of a socket`,
		"unix:/run/":                        `"unix:/run/" is not the path of a socket`,
		"unix:/a\x00b":                      `has a NUL byte: write unix:@name for an abstract name`,
		strings.Repeat("x", 99):             `"` + strings.Repeat("x", 60) + `…" is not an address`,
		"unix:/" + strings.Repeat("x", 107): "a path of 108 bytes, and a socket's has 107 at most",
	} {
		if a, err := Parse(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v", s, a, err)
		}
	}
}
