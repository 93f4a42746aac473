package integration

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The image holds two static executables and nothing else.
func TestImageContents(t *testing.T) {
	e := docker(t)
	if got, want := filesOf(t, e, goinitImage), []string{"sbin/", "sbin/goinit", "sbin/goinitctl"}; !slices.Equal(got, want) {
		t.Errorf("the image has %q, wanted %q", got, want)
	}
	for _, path := range []string{"/sbin/goinit", "/sbin/goinitctl"} {
		checkStatic(t, path, fileOf(t, e, goinitImage, path), elf.EM_X86_64, elf.EM_AARCH64)
	}
	if got, want := e.Must(t, "inspect", "--format", "{{json .Config.Entrypoint}} {{json .Config.Cmd}}", goinitImage), `["/sbin/goinit"] null`; got != want {
		t.Errorf("entrypoint and command are %s, wanted %s", got, want)
	}
	if out := e.Must(t, "run", "--rm", "--network", "none", goinitImage, "version"); !strings.Contains(out, commit) || !strings.Contains(out, "entry stub)") {
		t.Errorf("version says %q: not of commit %s, or without the entry stub", out, commit)
	}
}

func checkStatic(t *testing.T, name string, data []byte, machines ...elf.Machine) {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if !slices.Contains(machines, f.Machine) {
		t.Errorf("%s is for %v", name, f.Machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("%s is not static: it has a %v", name, p.Type)
		}
	}
}

// Two builds give the same bytes: in another directory, without the builder's cache, and for both architectures by the
// same compiler outside of Docker.
func TestImageReproducible(t *testing.T) {
	e := docker(t)
	first, second := goinitImage, "goinit-test/again"
	dir := buildContext(t)
	buildImage(t, e, second, dir, "--no-cache", "--build-arg", "COMMIT="+commit)
	for _, path := range []string{"/sbin/goinit", "/sbin/goinitctl"} {
		if !bytes.Equal(fileOf(t, e, first, path), fileOf(t, e, second, path)) {
			t.Errorf("%s differs between two builds of the image", path)
		}
	}

	const arm = "goinit-test/arm64"
	buildImage(t, e, arm, dir, "--build-arg", "COMMIT="+commit, "--build-arg", "TARGETARCH=arm64")
	checkStatic(t, "/sbin/goinit for arm64", fileOf(t, e, arm, "/sbin/goinit"), elf.EM_AARCH64)
	theirs := e.Must(t, "run", "--rm", "--network", "none", "golang:1.26", "go", "env", "GOVERSION")
	ours, err := exec.Command("go", "env", "GOVERSION").Output()
	if err != nil {
		t.Fatal(err)
	}
	if theirs != strings.TrimSpace(string(ours)) {
		t.Skipf("the image golang:1.26 has %s, this machine %s: their output cannot be compared", theirs, ours)
	}
	for arch, image := range map[string]string{"amd64": first, "arm64": arm} {
		if arch == "amd64" && e.Must(t, "inspect", "--format", "{{.Architecture}}", first) != arch {
			continue // the engine is not amd64's
		}
		out := t.TempDir()
		build := exec.Command("./build.sh", out)
		build.Dir = dir
		build.Env = append(os.Environ(), "COMMIT="+commit, "GOARCH="+arch)
		if output, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build.sh: %v\n%s", err, output)
		}
		for _, name := range []string{"goinit", "goinitctl"} {
			data, err := os.ReadFile(filepath.Join(out, name))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(fileOf(t, e, image, "/sbin/"+name), data) {
				t.Errorf("%s for %s differs between the image and build.sh in another directory", name, arch)
			}
		}
	}
}

// The same Dockerfile builds with BuildKit, to the same bytes.
func TestImageBuildKit(t *testing.T) {
	e := docker(t)
	const image = "goinit-test/buildkit"
	e.Adopt(t, image)
	dir := buildContext(t)
	// Debian's client of Docker 20 has BuildKit built in; later ones need a plug-in, which may be missing.
	var said []byte
	for _, client := range clients() {
		build := exec.Command(client, "build", "--network", "none", "--tag", image, "--build-arg", "COMMIT="+commit, dir)
		build.Env = append(e.Env(), "DOCKER_BUILDKIT=1")
		out, err := build.CombinedOutput()
		if err == nil {
			t.Logf("$ DOCKER_BUILDKIT=1 docker build --tag %s --build-arg COMMIT=%s .\n%s", image, commit, out)
			if !bytes.Equal(fileOf(t, e, image, "/sbin/goinit"), fileOf(t, e, goinitImage, "/sbin/goinit")) {
				t.Error("/sbin/goinit differs between BuildKit and the classic builder")
			}
			return
		}
		if !bytes.Contains(out, []byte("buildx component is missing")) {
			t.Fatalf("%s: %v\n%s", client, err, out)
		}
		said = out
	}
	t.Skipf("no docker client here has BuildKit: %s", said)
}

// clients are all docker clients in PATH.
func clients() []string {
	var all []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if path, err := exec.LookPath(filepath.Join(dir, "docker")); err == nil {
			all = append(all, path)
		}
	}
	return all
}

// COPY --from=goinit puts the executables where they are found, and run, on every kind of base.
func TestImageOnEveryBase(t *testing.T) {
	e := docker(t)
	for _, b := range []struct {
		image, sbin string // what /sbin is there, by ls
		argv        []string
	}{
		{debianImage, "a link to usr/sbin", []string{"sh", "-c", `echo "a link to $(readlink /sbin)"`}},
		{busyboxImage, "a directory", []string{"sh", "-c", `[ ! -L /sbin ] && [ -d /sbin ] && echo "a directory"`}},
		{scratchImage, "", nil},
	} {
		t.Run(strings.TrimPrefix(b.image, "goinit-test/"), func(t *testing.T) {
			if b.argv != nil {
				if got := e.Must(t, append([]string{"run", "--rm", "--network", "none", b.image}, b.argv...)...); got != b.sbin {
					t.Errorf("/sbin is %q, this base was to have %q", got, b.sbin)
				}
			}
			out := e.Must(t, "run", "--rm", "--network", "none", b.image, "/sbin/goinit", "version")
			if !strings.HasPrefix(out, "goinit version ") || !strings.Contains(out, commit) {
				t.Errorf("goinit below goinit says %q", out)
			}
			// ctl is the second executable: goinit finds it beside itself.
			out = e.Must(t, "run", "--rm", "--network", "none", "--entrypoint", "/sbin/goinit", b.image, "ctl", "version")
			if !strings.Contains(out, commit) {
				t.Errorf("goinit ctl version says %q", out)
			}
		})
	}
}

// goinit alone is half of goinit, and says so where it matters.
func TestImageHalf(t *testing.T) {
	e := docker(t)
	dir := t.TempDir()
	dockerfile := "FROM scratch\nCOPY --from=goinit /sbin/goinit /sbin/\nENTRYPOINT [\"/sbin/goinit\"]\n"
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o644); err != nil {
		t.Fatal(err)
	}
	const image = "goinit-test/half"
	buildImage(t, e, image, dir)
	r := e.Run(t, "run", "--rm", "--network", "none", image, "ctl", "version")
	if r.Status != 1 || !strings.Contains(r.Stderr, "COPY --from=goinit /sbin/goinit /sbin/goinitctl /sbin/") {
		t.Errorf("ctl without goinitctl: status %d, %q", r.Status, r.Stderr)
	}
}
