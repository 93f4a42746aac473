package spec

import "testing"

func TestAim(t *testing.T) {
	a := App{Increment: map[string]int{"PORT": 8080, "ADMIN": 9000}}
	for address, want := range map[string]string{
		"http://127.0.0.1:8080/ready?at=8080": "http://127.0.0.1:8083/ready?at=8080", "http://[::1]:9000": "http://[::1]:9003", ":8080": ":8083", "localhost:9000": "localhost:9003",
		"http://127.0.0.1:80/": "http://127.0.0.1:80/", "http://127.0.0.1/": "http://127.0.0.1/", ":08080": ":08080", "http://[::1]/a:8080": "http://[::1]/a:8080",
	} {
		if got := a.Aim(address, 3); got != want {
			t.Errorf("%s: slot 3 is asked at %s, want %s", address, got, want)
		}
		if got := a.Aim(address, 0); got != address {
			t.Errorf("%s: slot 0 is asked at %s", address, got)
		}
	}
	if a.AimPort(8080, 2) != 8082 || a.AimPort(80, 2) != 80 {
		t.Error("a port alone")
	}
}

func TestWhatCanBeProbed(t *testing.T) {
	for s, good := range map[string]bool{
		"http://127.0.0.1:8080/healthz": true, "https://localhost/": true, "http://[::1]:80": true, "http://[::1]/?q=1": true, "http://127.0.0.1": true,
		"": false, "http://": false, "127.0.0.1:80": false, "ftp://127.0.0.1/": false, "http://example.org/": false, "http://127.0.0.1:99999/": false,
		"http://::1/": false, "http://[127.0.0.1]/": false, "http://a@127.0.0.1/": false, "http://127.0.0.1/a b": false, "http://127.0.0.1:/": false,
	} {
		if _, err := ParseProbeURL(s); (err == nil) != good {
			t.Errorf("URL %q: %v", s, err)
		}
	}
	for s, good := range map[string]bool{
		":8080": true, "127.0.0.1:1": true, "[::1]:65535": true, "localhost:80": true,
		"": false, ":0": false, ":65536": false, "80": false, "127.0.0.1": false, "::1:80": false, "example.org:80": false, ":80/": false, "http://127.0.0.1:80": false,
	} {
		if _, err := ParseProbeAddress(s); (err == nil) != good {
			t.Errorf("address %q: %v", s, err)
		}
	}
}
