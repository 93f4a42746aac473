package pid1

import (
	"testing"

	"goinit/health"
	"goinit/spec"
)

// FuzzWhatIsProbed: what the spec takes, health can ask. Each reads it for itself, for neither knows of the other.
func FuzzWhatIsProbed(f *testing.F) {
	for _, s := range []string{"http://127.0.0.1:8080/healthz?a=b#c", "https://localhost", "http://[::1]:80", ":80", "127.0.0.1:1", "[::ffff:1.2.3.4]:5",
		"http://0.0.0.0", "http://localhost:080/", "http://127.0.0.1:/", "http://localhost/ü", "localhost:+1", "http://[::1%lo]:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 1000 {
			return
		}
		if _, err := spec.ParseProbeURL(s); err == nil {
			if _, err := health.NewPage(s); err != nil {
				t.Errorf("URL %q: %v", s, err)
			}
		}
		if _, err := spec.ParseProbeAddress(s); err == nil {
			if _, err := health.NewTCP(s); err != nil {
				t.Errorf("address %q: %v", s, err)
			}
		}
	})
}

func TestForksAway(t *testing.T) {
	const want = "web/0 says that its main process is 12: that is shown, but goinit follows 10, which it has started, and when that ends the worker has ended\n" +
		"  let the program stay in the foreground; most have an option for it"
	if got := forksAway("web/0", 12, 10); got != want {
		t.Errorf("got %q", got)
	}
}
