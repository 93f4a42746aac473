package launch

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMapped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "uid_map")
	for text, want := range map[string]map[uint32]bool{
		"         0          0 4294967295\n":                  {0: true, 65533: true},                            // the machine's own
		"         0       1000          1\n":                  {0: true, 1: false, 65533: false},                 // a rootless container without subordinate ids
		"         0       1000          1\n 1 100000 65536\n": {0: true, 65533: true, 65536: true, 65537: false}, // one with them
		"": {0: false},
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for id, is := range want {
			if mapped(path, id) != is {
				t.Errorf("%d in %q: %v", id, text, !is)
			}
		}
	}
	if mapped(path+".not", 0) {
		t.Error("where there is no map")
	}
}
