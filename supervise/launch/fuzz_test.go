package launch

import (
	"os"
	"path/filepath"
	"testing"
)

// Whatever /etc/passwd holds, an answer is one that it can give.
func FuzzResolve(f *testing.F) {
	f.Add("root:x:0:0:root:/root:/bin/sh\n", "root:x:0:\n", "root")
	f.Add("a:b\n:::\nweb:x:4294967295:1::/:\n", "g:x:-1:web", "web:g")
	f.Add("", "", "12:13")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, passwd, group, user string) {
		a := Accounts{Passwd: filepath.Join(dir, "passwd"), Group: filepath.Join(dir, "group")}
		if os.WriteFile(a.Passwd, []byte(passwd), 0o600) != nil || os.WriteFile(a.Group, []byte(group), 0o600) != nil {
			t.Skip()
		}
		got, err := a.Resolve(user)
		if err == nil && (got.UID == 1<<32-1 || got.GID == 1<<32-1) {
			t.Errorf("%q is %+v: to the kernel that is no change", user, got)
		}
	})
}
