package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"goinit/integration/bed"
)

// The examples of the documentation, those of the guides with their before and after among them, are followed to the letter
// by their own test on a machine that was just installed: no home, no settings, an empty /etc, /run and /var. goinit is its PID 1.
func TestGuidesOnAFreshMachine(t *testing.T) {
	bed.Need(t, "namespace", "go", "mount", "chroot")
	base, err := os.MkdirTemp("", "fresh-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	for _, dir := range []string{"root", "bin"} {
		if err := os.Mkdir(filepath.Join(base, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	bin := filepath.Join(base, "bin")
	follow := filepath.Join(bin, "docs.test")
	if out, err := exec.Command("go", "test", "-c", "-o", follow, "../docs").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"goinit", "goinitctl"} {
		if err := copyFile(filepath.Join(built.dir, name), filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	sources, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("testdata/fresh.sh")
	if err != nil {
		t.Fatal(err)
	}
	p := bed.Namespace(t, script, filepath.Join(base, "root"), sources, bin,
		"env", "-i", "HOME=/root", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "GOINIT_EXECUTABLES="+bin,
		filepath.Join(bin, "goinit"), "--", "sh", "-c", `cd "$1" && exec "$2" -test.v -test.run TestExamples`, "sh", filepath.Join(sources, "docs"), follow)
	status := p.Wait()
	said := p.Output.String()
	followed := regexp.MustCompile(`(?m)^ +--- PASS: TestExamples/(\S+)`).FindAllString(said, -1)
	t.Logf("%d followed\n%s", len(followed), strings.Join(followed, "\n"))
	if status != 0 || len(followed) < 30 {
		t.Errorf("status %d, %d examples followed:\n%s", status, len(followed), said)
	}
}
